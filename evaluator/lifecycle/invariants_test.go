package lifecycle

import (
	"reflect"
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/plan/window"
)

// check holds for every step of every trajectory.
func (w *world) check(in Snapshot, p Move) {
	w.t.Helper()
	old, spec, plan := in.Run.Status, in.Run.Spec, w.planOf(in)
	retried := AttemptOf(p.Status) > AttemptOf(old)
	decided := slices.ContainsFunc(p.Actions, func(a Action) bool { return !cleansUp(a) })
	passes := p.Status.Verdict == v1alpha1.VerdictPass && old.Verdict == ""
	for _, is := range []struct {
		wrong bool
		what  string
	}{
		{old.Phase.Ended() && (p.Status.Phase != old.Phase || p.Status.Reason != old.Reason), "an ended run moved"},
		{old.Verdict != "" && p.Status.Verdict != old.Verdict && !retried, "the verdict changed"},
		{old.Verdict == "" && p.Status.Verdict != "" && decided, "a verdict was written together with actions"},
		{passes && !gatesAreOpen(plan, old, v1alpha1.HookConfirmPromotion), "passed although a hook had not said yes, as far as is stored"},
		{old.CreatedAt == nil && p.Status.CreatedAt != nil && !gatesAreOpen(plan, old, v1alpha1.HookConfirmRollout), "made its canary although a hook had not said yes"},
		{old.ReadyAt == nil && p.Status.ReadyAt != nil && p.Status.Reason != v1alpha1.ReasonUnjudged && !gatesAreOpen(plan, old, v1alpha1.HookPreRollout), "was measured although a hook had not said yes"},
		{passes && !w.allGood(in, p.Status), "passed although not every metric was good at last"},
		{passes && in.Others.Changed != "", "passed by what others changed"},
		{passes && in.Canary != nil && in.Canary.Foreign, "passed by what others made"},
		{passes && in.Now.Before(old.ReadyAt.Add(plan.Total())) && !allNotWorse(plan, p.Status), "passed before its periods were over"},
		{passes && !allEnough(plan, p.Status), "passed by a comparison with less than its minimum"},
		{!countedOn(old, p.Status) && !retried, "counted the same twice"},
		{passes && plan.Manual != nil && plan.Manual.Assume != v1alpha1.AssumePass, "passed without the person it needs"},
		{in.Run.Spec.Paused && old.Phase == v1alpha1.PhasePaused && p.Status.Measured > old.Measured, "measured while paused"},
		{p.Status.Phase == v1alpha1.PhasePassed && old.Verdict != v1alpha1.VerdictPass && spec.Decision != v1alpha1.DecisionPromote, "ended Passed without a pass"},
		{retried && spec.Attempt <= AttemptOf(old), "began anew unasked"},
		{p.Requeue < 0, "asked to be looked at in the past"},
		{len(p.Status.Message) > maxMessage+3, "a message is too long"},
		{p.Status.Phase.Ended() && (p.Requeue != 0 && p.Status.Weight == nil && p.Status.Autoscaler == nil || p.Ask != nil), "an ended run asks for more"},
	} {
		if is.wrong {
			w.t.Fatalf("%s: %s/%s %s, then %s/%s %s with %v\n%s", is.what, old.Phase, old.Reason, old.Verdict,
				p.Status.Phase, p.Status.Reason, p.Status.Verdict, p.Actions, w.tail())
		}
	}
	if failed := old.Verdict == v1alpha1.VerdictFail && plan.Quarantine != v1alpha1.QuarantineNever; failed && p.Status.Phase == old.Phase && !p.Status.Phase.Ended() {
		for _, pod := range in.Pods {
			_, out := pod.Labels[v1alpha1.QuarantineLabel]
			if now := slices.ContainsFunc(p.Actions, func(a Action) bool { q, ok := a.(Quarantine); return ok && q.Pod.Name == pod.Name }); !out && !now && pod.DeletionTimestamp == nil {
				w.t.Fatalf("pod %s of what failed stays in the application\n%s", pod.Name, w.tail())
			}
		}
	}
	for _, action := range p.Actions {
		if why := w.forbidden(in, plan, action); why != "" {
			w.t.Fatalf("%s in %s/%s %s: %s\n%s", describe(action), old.Phase, old.Reason, old.Verdict, why, w.tail())
		}
	}
}

// cleansUp: actions that take away what does not count.
func cleansUp(a Action) bool {
	switch a.(type) {
	case EmptyLeftover, DeleteLeftover, PutOut, DeleteLeft, Quarantine, Readmit:
		return true
	}
	return false
}

func (w *world) tail() string {
	out := ""
	for _, line := range w.log[max(0, len(w.log)-30):] {
		out += line + "\n"
	}
	return out
}

// planOf is how the run is tried.
func (w *world) planOf(in Snapshot) *v1alpha1.CanaryPlanSpec { s := newPlanner(in); return s.plan }

// allGood says whether the newest measurement of every metric of the step passed.
func (w *world) allGood(in Snapshot, status v1alpha1.CanaryRunStatus) bool {
	names := []string{analysis.Pods}
	if WantsBaseline(in) {
		names = append(names, analysis.Baseline)
	}
	for _, m := range AnalysisOf(in).Metrics {
		names = append(names, m.Name)
	}
	for _, h := range w.planOf(in).HooksOf(v1alpha1.HookRollout) {
		names = append(names, h.Name)
	}
	for _, name := range names {
		if m, ok := analysis.Newest(analysis.Find(status.Metrics, name)); !ok || m.Outcome != v1alpha1.OutcomePassed {
			return false
		}
	}
	return true
}

// allNotWorse says whether a period could end early, by the newest measurements.
func allNotWorse(plan *v1alpha1.CanaryPlanSpec, status v1alpha1.CanaryRunStatus) bool {
	for _, m := range plan.Analysis.Metrics {
		if newest, _ := analysis.Newest(analysis.Find(status.Metrics, m.Name)); newest.Reason != v1alpha1.MeasuredNotWorse {
			return false
		}
	}
	return plan.Analysis.EndEarly && len(plan.Steps) == 0
}

// allEnough says whether every comparison of counts has counted its minimum.
func allEnough(plan *v1alpha1.CanaryPlanSpec, status v1alpha1.CanaryRunStatus) bool {
	for _, m := range plan.Comparisons() {
		c := analysis.Find(status.Metrics, m.Name).Compared
		if m.Compare.Count != nil && (c == nil || c.Tally.Points < *m.Compare.Minimum.Points ||
			min(c.Tally.Sum.CanaryTotal, c.Tally.Sum.BaselineTotal) < float64(*m.Compare.Minimum.Total)) {
			return false
		}
	}
	return true
}

// countedOn says whether whatever was counted is of a later time than before.
func countedOn(old, status v1alpha1.CanaryRunStatus) bool {
	for _, m := range status.Metrics {
		before := analysis.Find(old.Metrics, m.Name).Compared
		if before == nil || m.Compared == nil || m.Compared.Until.After(before.Until.Time) {
			continue
		}
		if !m.Compared.Until.Equal(&before.Until) || !reflect.DeepEqual(m.Compared.Tally, before.Tally) {
			return false
		}
	}
	return true
}

// forbidden says what forbids an action, or "".
func (w *world) forbidden(in Snapshot, plan *v1alpha1.CanaryPlanSpec, action Action) string {
	old, spec := in.Run.Status, in.Run.Spec
	promoted := spec.Decision == v1alpha1.DecisionPromote
	refused := old.Reason == v1alpha1.ReasonReleaseRefused
	switch a := action.(type) {
	case Release:
		s := newPlanner(in)
		switch _, _, frozen := w.window(in, plan); {
		case spec.ByHand():
			return "a run that a user made changes the Deployment"
		case a.Hold != spec.Hold || in.Deployment.Held != spec.Hold:
			return "of a hold that has ended"
		case s.unguarded():
			return ""
		case frozen:
			return "inside of a freeze window"
		case promoted:
			return ""
		case old.Verdict != v1alpha1.VerdictPass:
			return "without a pass"
		case plan.DryRun:
			return "of a dry run"
		case in.Now.Before(old.ReadyAt.Add(plan.Total())) && !allNotWorse(plan, old):
			return "before its periods are over"
		}
	case Revert:
		switch {
		case spec.ByHand():
			return "a run that a user made changes the Deployment"
		case a.Hold != spec.Hold || a.Rejection.Run != in.Run.Name || string(a.Rejection.Hash) != spec.TemplateHash:
			return "of something else"
		case old.Reason == v1alpha1.ReasonAborted && spec.Decision == v1alpha1.DecisionAbort, refused:
			return ""
		case a.Rejection.Passed && (old.Verdict != v1alpha1.VerdictPass || !plan.DryRun):
			return "is told to have passed"
		case !a.Rejection.Passed && (old.Verdict == "" || old.Verdict == v1alpha1.VerdictPass):
			return "without a failure"
		case old.Phase == v1alpha1.PhasePaused && old.Reason != v1alpha1.ReasonDeadline && in.Deployment.Guarded:
			return "of what waits for a person"
		case old.Phase == v1alpha1.PhaseFrozen && in.Deployment.Guarded:
			return "of what is frozen"
		}
	case Quarantine:
		return w.kept(in, plan, a.Pod, true)
	case Readmit:
		return w.kept(in, plan, a.Pod, false)
	case GiveWay:
		waits := old.Phase == v1alpha1.PhasePaused || old.Phase == v1alpha1.PhaseFrozen
		switch {
		case spec.ByHand():
			return "a run that a user made changes the Deployment"
		case a.Hold != spec.Hold || in.Deployment.Held != spec.Hold || !in.Deployment.Waiting:
			return "to nothing"
		case old.CreatedAt != nil && in.Deployment.Guarded && (old.Verdict == "" || !waits):
			return "of a run that has a canary, and is to be finished"
		}
	case CreateCanary, CreateBaseline:
		if old.Verdict != "" || old.Phase.Ended() {
			return "after the verdict"
		}
		if d := in.Deployment; !spec.ByHand() && d.Recreates && (d.BesideRecreate == nil && !plan.BesideRecreate || d.BesideRecreate != nil && !*d.BesideRecreate) {
			return "beside a Deployment that is to be alone"
		}
		if _, baseline := action.(CreateBaseline); baseline && plan.Baseline == nil {
			return "that nobody asked for"
		}
		if old.CreatedAt == nil && plan.MaxRuns != nil && in.Canary == nil && len(in.Line.Others) >= int(*plan.MaxRuns) {
			return "before its turn"
		}
	}
	return ""
}

func (w *world) window(in Snapshot, plan *v1alpha1.CanaryPlanSpec) (any, any, bool) {
	var windows []window.Window
	for _, f := range plan.FreezeWindows {
		parsed, _ := window.Parse(f, nil)
		windows = append(windows, parsed)
	}
	until, which, open := window.Open(windows, in.Now)
	return until, which, open
}

// kept says what forbids that a pod leaves the application, or comes back, or "".
func (w *world) kept(in Snapshot, plan *v1alpha1.CanaryPlanSpec, pod KeptPod, leaves bool) string {
	old, allowed := in.Run.Status, plan.ReadyDeadline.Duration
	failed := old.Verdict == v1alpha1.VerdictFail && pod.Role == v1alpha1.RoleCanary
	switch {
	case old.Phase.Ended() || in.Run.Deleting:
		return "after the run"
	case leaves && plan.Quarantine == v1alpha1.QuarantineNever:
		return "although the plan keeps it"
	case !leaves && failed && plan.Quarantine != v1alpha1.QuarantineNever:
		return "of a canary that failed"
	case !leaves || failed:
		return ""
	}
	for _, p := range slices.Concat(in.Pods, in.BaselinePods) {
		if p.Name == pod.Name && (podIsReady(p) || in.Now.Before(p.CreationTimestamp.Add(allowed))) {
			return "that is Ready, or may get so"
		}
	}
	return ""
}
