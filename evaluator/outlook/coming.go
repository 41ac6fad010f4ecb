package outlook

import (
	"fmt"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/query"
)

// Coming is something that will happen to a run, and when; a zero time is one that nobody knows.
type Coming struct {
	At   time.Time
	What string
}

// Next says what comes next in a run, what is nearest first. minReady is how long its pods must be Ready to
// count as available.
func Next(run *v1alpha1.CanaryRun, minReady time.Duration, now time.Time) []Coming {
	s := run.Status
	plan := PlanOf(run)
	switch {
	case s.Phase.Ended():
		return nil
	case run.Spec.Decision != "" && s.Phase != v1alpha1.PhaseReleasing:
		return []Coming{{What: fmt.Sprintf("the decision %s is acted on", run.Spec.Decision)}}
	case run.Spec.Attempt > lifecycle.AttemptOf(s):
		return []Coming{{What: fmt.Sprintf("attempt %d begins anew with fresh pods", run.Spec.Attempt)}}
	case s.Phase == v1alpha1.PhaseScheduled && run.Spec.StartAt != nil:
		return []Coming{{run.Spec.StartAt.Time, "the canary is made"}}
	case s.Phase == v1alpha1.PhaseReleasing:
		return []Coming{{What: "the update is released: " + s.Message}}
	case s.Phase == v1alpha1.PhaseFrozen:
		return []Coming{{What: "nothing, until somebody promotes, aborts or retries the run, or applies another update"}}
	case s.Phase == v1alpha1.PhasePaused:
		return append(whoDecides(run, plan), deadline(run, plan)...)
	case plan == nil && s.Phase == v1alpha1.PhaseRunning:
		return []Coming{{What: "nothing: no plan judges the run, and its canary lives until the run is deleted"}}
	case plan == nil, s.Step == nil:
		return []Coming{{What: "the canary is made when this is over: " + s.Message}}
	case s.Phase == v1alpha1.PhaseStarting && s.Reason == v1alpha1.ReasonPreRollout:
		return append([]Coming{{What: "when the hooks have said yes, the canary is measured for " + lifecycle.Short(PeriodOf(plan, StepsOf(plan)[StepNumber(plan, run)-1]))}}, deadline(run, plan)...)
	case s.Phase == v1alpha1.PhaseStarting:
		return append([]Coming{{
			s.Step.StartedAt.Add(query.Length(plan.ReadyDeadline) + minReady),
			"all canary pods must be Ready, or the update is " + onFailure(plan) + "; then they are measured for " + lifecycle.Short(PeriodOf(plan, StepsOf(plan)[StepNumber(plan, run)-1])),
		}}, deadline(run, plan)...)
	case s.Phase == v1alpha1.PhaseRunning && s.Step.ReadyAt != nil:
		return append(measuring(run, plan, now), deadline(run, plan)...)
	}
	return []Coming{{What: s.Message}}
}

// measuring is what comes in a run that is measured.
func measuring(run *v1alpha1.CanaryRun, plan *v1alpha1.CanaryPlanSpec, now time.Time) []Coming {
	ready := run.Status.Step.ReadyAt.Time
	n := StepNumber(plan, run)
	end := ready.Add(PeriodOf(plan, StepsOf(plan)[n-1]))
	var out []Coming
	if at, more := nextRound(ready, end, plan, now); more {
		out = append(out, Coming{at, "the metrics are measured"})
	}
	out = append(out, lastChances(run, plan, n)...)
	if !now.Before(end) {
		return append(out, Coming{What: "the period is over, so as soon as all is good in one measurement " + after(plan, n)})
	}
	return append(out, Coming{end, "if all is good, " + after(plan, n)})
}

// lastChances are the metrics that have failed as often in a row as is borne.
func lastChances(run *v1alpha1.CanaryRun, plan *v1alpha1.CanaryPlanSpec, n int) []Coming {
	limits := map[string]int32{query.PodsMetric: *plan.Analysis.FailureLimit}
	for _, m := range slices.Concat(plan.Analysis.Metrics, StepsOf(plan)[n-1].Metrics) {
		limits[m.Name] = *plan.Analysis.FailureLimit
		if m.FailureLimit != nil {
			limits[m.Name] = *m.FailureLimit
		}
	}
	for _, h := range plan.HooksOf(v1alpha1.HookRollout) {
		limits[h.Name] = *plan.Analysis.FailureLimit
		if h.FailureLimit != nil {
			limits[h.Name] = *h.FailureLimit
		}
	}
	var out []Coming
	for _, m := range run.Status.Metrics {
		limit, judges := limits[m.Name]
		if judges && m.ConsecutiveFailures > 0 && m.ConsecutiveFailures >= limit {
			out = append(out, Coming{What: fmt.Sprintf("if %s fails once more, the update is %s", m.Name, onFailure(plan))})
		}
	}
	return out
}

// nextRound is when the next round of measurements is due in a step.
func nextRound(ready, end time.Time, plan *v1alpha1.CanaryPlanSpec, now time.Time) (time.Time, bool) {
	interval := query.Length(plan.Analysis.Interval)
	at := ready.Add(query.Length(plan.Analysis.InitialDelay))
	if interval <= 0 {
		return end, now.Before(end)
	}
	if behind := now.Sub(at); behind >= 0 {
		at = at.Add((behind/interval + 1) * interval)
	}
	if at.After(end) {
		at = end
	}
	return at, now.Before(at)
}

// after is what follows on step n.
func after(plan *v1alpha1.CanaryPlanSpec, n int) string {
	steps := StepsOf(plan)
	switch {
	case steps[n-1].Approval:
		return fmt.Sprintf("the run waits for somebody to approve step %d", n)
	case n < len(steps):
		return fmt.Sprintf("step %d of %d begins with %s", n+1, len(steps), SizeOf(steps[n]))
	case plan.Manual != nil:
		return "the run waits for somebody to promote or abort it"
	case plan.DryRun:
		return "the run ends Passed, and nothing is released, for it is a dry run"
	}
	return "the update is released"
}

// SizeOf is how large the canary is in a step, for people.
func SizeOf(step v1alpha1.Step) string {
	switch {
	case step.PodShare != nil:
		return fmt.Sprintf("%d%% of all pods", *step.PodShare)
	case step.Replicas != nil && step.Replicas.String() != "1":
		return step.Replicas.String() + " canary pods"
	}
	return "1 canary pod"
}

func onFailure(plan *v1alpha1.CanaryPlanSpec) string {
	if plan.OnFailure == v1alpha1.FailureFreeze {
		return "frozen"
	}
	return "reverted"
}

// whoDecides is what a run that is paused waits for.
func whoDecides(run *v1alpha1.CanaryRun, plan *v1alpha1.CanaryPlanSpec) []Coming {
	command := func(verb string) string {
		return fmt.Sprintf("kubectl holdfast %s -n %s %s", verb, run.Namespace, run.Name)
	}
	switch run.Status.Reason {
	case v1alpha1.ReasonApproval:
		return []Coming{{What: "nothing, until somebody lets it on: " + command("approve")}}
	case v1alpha1.ReasonManual:
		out := Coming{What: "nothing, until somebody decides: " + command("promote") + ", or abort"}
		if plan != nil && plan.Manual != nil && run.Status.ReadyAt != nil {
			assumed := map[v1alpha1.Assumption]string{v1alpha1.AssumePass: "the verdict of the analysis counts", v1alpha1.AssumeFail: "the update is " + onFailure(plan)}
			what, known := assumed[plan.Manual.Assume]
			if !known {
				what = "the run is inconclusive"
			}
			return []Coming{out, {run.Status.ReadyAt.Add(query.Length(plan.Manual.Deadline)), "if nobody has, " + what}}
		}
		return []Coming{out}
	case v1alpha1.ReasonPausedByUser:
		return []Coming{{What: "nothing, until somebody lets it go on: " + command("resume")}}
	case v1alpha1.ReasonGateClosed:
		return []Coming{{What: "nothing, until the hook says yes, which is asked again and again; or " + command("promote") + ", or abort"}}
	case v1alpha1.ReasonServiceLeft:
		return []Coming{{What: "it goes on by itself when that is over"}}
	}
	return []Coming{{What: "nothing, until somebody decides: " + command("promote") + ", abort or retry"}}
}

// deadline is when a run without a verdict ends.
func deadline(run *v1alpha1.CanaryRun, plan *v1alpha1.CanaryPlanSpec) []Coming {
	if run.Status.CreatedAt == nil || plan == nil {
		return nil
	}
	return []Coming{{run.Status.CreatedAt.Add(query.Length(plan.Deadline)), "the update is reverted, if there is no verdict by then"}}
}
