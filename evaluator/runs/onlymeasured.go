package runs

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// notOnlyMeasured leaves out that rounds were counted and nothing came of it: whoever counted them has the
// run looked at when the next one is due. It is most of what is heard of runs, and each look reads all that a
// run depends on.
var notOnlyMeasured = predicate.Funcs{
	UpdateFunc: func(u event.UpdateEvent) bool {
		before, ok1 := u.ObjectOld.(*v1alpha1.CanaryRun)
		after, ok2 := u.ObjectNew.(*v1alpha1.CanaryRun)
		return !ok1 || !ok2 || !onlyMeasured(before, after)
	},
}

func onlyMeasured(before, after *v1alpha1.CanaryRun) bool {
	if before.Status.Phase != v1alpha1.PhaseRunning || after.Status.Phase != v1alpha1.PhaseRunning ||
		after.Status.Measured <= before.Status.Measured || before.Status.Step == nil || after.Status.Step == nil {
		return false
	}
	was, is := withoutRounds(before), withoutRounds(after)
	return equality.Semantic.DeepEqual(was, is)
}

// withoutRounds is a run without what every round changes. It shares the rest with the run.
func withoutRounds(run *v1alpha1.CanaryRun) v1alpha1.CanaryRun {
	out, step := *run, *run.Status.Step
	out.ResourceVersion, out.ManagedFields = "", nil
	step.Measured = 0
	s := &out.Status
	s.Step, s.Measured, s.Metrics, s.AsOf = &step, 0, nil, nil
	s.Message, s.Scale, s.Validation, s.Duration = "", "", "", ""
	return out
}
