package lifecycle

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// wantsBaseline says whether the run has baseline pods beside its canary.
func (s *planner) wantsBaseline() bool { return s.judged && s.plan.Baseline != nil }

// WantsBaseline says whether a run has baseline pods beside its canary.
func WantsBaseline(in Snapshot) bool { s := reading(in); return s.wantsBaseline() }

// baselineTrouble: baseline pods run what is stable already, so what ails them
// is no fault of the update. There is nothing left to compare with.
func (s *planner) baselineTrouble() (Move, bool) {
	if !s.wantsBaseline() {
		return Move{}, false
	}
	t := findTrouble(s.in.BaselinePods, *s.plan.RestartLimit, s.in.Now)
	if t.reason == "" {
		return Move{}, false
	}
	return s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonBaselineSick,
		"the baseline, which runs the stable template, is in trouble: "+t.message), true
}

func (s *planner) baselineIsReady() bool {
	return !s.wantsBaseline() || isReady(s.in.Baseline, s.in.BaselinePods, s.out.Replicas, s.in.Deployment.MinReady)
}

// judgeBaseline is the measurement of the baseline's health. It fails nothing:
// a baseline that is not Ready is an error of the measuring.
func (s *planner) judgeBaseline(at time.Time) v1alpha1.Measurement {
	_, why := whyNotReady(v1alpha1.RoleBaseline, s.in.Baseline, s.in.BaselinePods, s.out.Replicas)
	return analysis.JudgeBaseline(at, min(readyPods(s.in.BaselinePods), s.out.Replicas), s.out.Replicas, why)
}

// repairSet brings back a set of pods that somebody deleted, scaled, or made in
// its name.
func repairSet(c *Canary, wanted int32, create, scale, remove Action) []Action {
	switch {
	case c == nil:
		return []Action{create}
	case c.Foreign && !c.Deleting:
		return []Action{remove}
	case !c.Deleting && c.Replicas != wanted:
		return []Action{scale}
	}
	return nil
}

// putOut deletes the pods that the run's ReplicaSets have adopted.
func (s *planner) putOut() []Action {
	var out []Action
	for _, pod := range s.in.Others.Adopted {
		out = append(out, PutOut{pod})
	}
	return out
}

// deleteLeft deletes the pods of the run that nothing else would delete.
func (s *planner) deleteLeft() []Action {
	var out []Action
	for _, pod := range s.in.Others.Left {
		out = append(out, DeleteLeft{pod})
	}
	return out
}

// whyNot says what keeps the sets from being Ready, the canary first.
func (s *planner) whyNot() (reason, message string) {
	if s.canaryIsReady() && !s.baselineIsReady() {
		_, message = whyNotReady(v1alpha1.RoleBaseline, s.in.Baseline, s.in.BaselinePods, s.out.Replicas)
		reason, message = v1alpha1.ReasonBaselineSick, "the baseline is not Ready: "+message
	} else {
		reason, message = whyNotReady(v1alpha1.RoleCanary, s.in.Canary, s.in.Pods, s.out.Replicas)
	}
	if s.areReadyForNow() {
		message += ", and have to be for " + Short(time.Duration(s.in.Deployment.MinReady)*time.Second) + " (minReadySeconds)"
	}
	if unclear := s.in.Others.Unclear; unclear != "" {
		message += "; " + unclear
	}
	return reason, message
}

// allPods are those of the canary and of the baseline.
func (s *planner) allPods() []corev1.Pod { return slices.Concat(s.in.Pods, s.in.BaselinePods) }
