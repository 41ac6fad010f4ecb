package outlook

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/query"
)

// PlanOf is the plan that a run is judged by, its defaults set, nil if nothing judges it.
func PlanOf(run *v1alpha1.CanaryRun) *v1alpha1.CanaryPlanSpec {
	plan := run.Spec.Plan
	if plan == nil {
		plan = run.Status.Plan
	}
	if plan == nil {
		return nil
	}
	plan = plan.DeepCopy()
	plan.SetDefaults()
	return plan
}

// StepsOf are the steps of a plan; one without any has one.
func StepsOf(plan *v1alpha1.CanaryPlanSpec) []v1alpha1.Step {
	if len(plan.Steps) == 0 {
		return []v1alpha1.Step{{Replicas: plan.Replicas}}
	}
	return plan.Steps
}

// StepNumber is that of the step under way, from 1.
func StepNumber(plan *v1alpha1.CanaryPlanSpec, run *v1alpha1.CanaryRun) int {
	if run.Status.Step == nil {
		return 1
	}
	return min(max(int(run.Status.Step.Number), 1), len(StepsOf(plan)))
}

// PeriodOf is how long a step must stay good.
func PeriodOf(plan *v1alpha1.CanaryPlanSpec, step v1alpha1.Step) time.Duration {
	if step.Period != nil {
		return step.Period.Duration
	}
	return query.Length(plan.Analysis.Period)
}

// Elapsed is how far a run has come in the time that all its steps take.
func Elapsed(plan *v1alpha1.CanaryPlanSpec, run *v1alpha1.CanaryRun, now time.Time) time.Duration {
	n := StepNumber(plan, run)
	var before time.Duration
	for _, step := range StepsOf(plan)[:n-1] {
		before += PeriodOf(plan, step)
	}
	if step := run.Status.Step; step != nil && step.ReadyAt != nil {
		before += min(max(now.Sub(step.ReadyAt.Time), 0), PeriodOf(plan, StepsOf(plan)[n-1]))
	}
	return before.Truncate(time.Second)
}

// Duration is the time that a run has been measured of the time that all its steps take, such as "19s/1m20s".
// The status of a run is written when somebody acts on it, so that of a run that is measured is reckoned from
// now.
func Duration(run *v1alpha1.CanaryRun, now time.Time) string {
	plan := PlanOf(run)
	if run.Status.Phase != v1alpha1.PhaseRunning || plan == nil || run.Status.ReadyAt == nil {
		return run.Status.Duration
	}
	return lifecycle.Short(Elapsed(plan, run, now)) + "/" + lifecycle.Short(plan.Total())
}

// PlanName is by which plan a run is tried.
func PlanName(run *v1alpha1.CanaryRun) string {
	switch {
	case run.Spec.PlanSource != "":
		return run.Spec.PlanSource
	case run.Spec.PlanRef != "":
		return "CanaryPlan " + run.Spec.PlanRef
	case run.Spec.Plan != nil:
		return "of the run"
	}
	return ""
}
