package show

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/query"
)

// planOf is the plan that a run is judged by, its defaults set, nil if nothing judges it.
func planOf(run *v1alpha1.CanaryRun) *v1alpha1.CanaryPlanSpec {
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

// stepsOf are the steps of a plan; one without any has one.
func stepsOf(plan *v1alpha1.CanaryPlanSpec) []v1alpha1.Step {
	if len(plan.Steps) == 0 {
		return []v1alpha1.Step{{Replicas: plan.Replicas}}
	}
	return plan.Steps
}

// stepNumber is that of the step under way, from 1.
func stepNumber(plan *v1alpha1.CanaryPlanSpec, run *v1alpha1.CanaryRun) int {
	if run.Status.Step == nil {
		return 1
	}
	return min(max(int(run.Status.Step.Number), 1), len(stepsOf(plan)))
}

// periodOf is how long a step must stay good.
func periodOf(plan *v1alpha1.CanaryPlanSpec, step v1alpha1.Step) time.Duration {
	if step.Period != nil {
		return step.Period.Duration
	}
	return query.Length(plan.Analysis.Period)
}

// elapsed is how far a run has come in the time that all its steps take.
func elapsed(plan *v1alpha1.CanaryPlanSpec, run *v1alpha1.CanaryRun, now time.Time) time.Duration {
	n := stepNumber(plan, run)
	var before time.Duration
	for _, step := range stepsOf(plan)[:n-1] {
		before += periodOf(plan, step)
	}
	if step := run.Status.Step; step != nil && step.ReadyAt != nil {
		before += min(max(now.Sub(step.ReadyAt.Time), 0), periodOf(plan, stepsOf(plan)[n-1]))
	}
	return before.Truncate(time.Second)
}

// Duration is the time that a run has been measured of the time that all its steps take, such as "19s/1m20s".
// The status of a run is written when somebody acts on it, so that of a run that is measured is reckoned from now.
func Duration(run *v1alpha1.CanaryRun, now time.Time) string {
	plan := planOf(run)
	if run.Status.Phase != v1alpha1.PhaseRunning || plan == nil || run.Status.ReadyAt == nil {
		return run.Status.Duration
	}
	return lifecycle.Short(elapsed(plan, run, now)) + "/" + lifecycle.Short(plan.Total())
}
