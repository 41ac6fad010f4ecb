package runs

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestWhatIsOnlyMeasuredIsNotLookedAt: and all else is.
func TestWhatIsOnlyMeasuredIsNotLookedAt(t *testing.T) {
	before := &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", ResourceVersion: "1", Generation: 1},
		Status: v1alpha1.CanaryRunStatus{
			Phase: v1alpha1.PhaseRunning, Reason: v1alpha1.ReasonMeasuring, Measured: 3, Step: &v1alpha1.StepStatus{Number: 1, Measured: 3},
			Metrics: []v1alpha1.MetricStatus{{Name: "errors", Passed: 3}},
		},
	}
	for name, tc := range map[string]struct {
		change func(*v1alpha1.CanaryRun)
		looks  bool
	}{
		"a round":                        {func(*v1alpha1.CanaryRun) {}, false},
		"a round and another phase":      {func(r *v1alpha1.CanaryRun) { r.Status.Phase = v1alpha1.PhaseReleasing }, true},
		"a round and another reason":     {func(r *v1alpha1.CanaryRun) { r.Status.Reason = v1alpha1.ReasonManualLate }, true},
		"a round and a verdict":          {func(r *v1alpha1.CanaryRun) { r.Status.Verdict = v1alpha1.VerdictPass }, true},
		"a round and another step":       {func(r *v1alpha1.CanaryRun) { r.Status.Step.Number = 2 }, true},
		"a round and a condition":        {func(r *v1alpha1.CanaryRun) { r.Status.Conditions = []metav1.Condition{{Type: "x"}} }, true},
		"a round after the period":       {func(r *v1alpha1.CanaryRun) { r.Status.Overtime = 1 }, true},
		"a round and a change of spec":   {func(r *v1alpha1.CanaryRun) { r.Generation, r.Spec.PlanRef = 2, "other" }, true},
		"a round and a person's word":    {func(r *v1alpha1.CanaryRun) { r.Annotations = map[string]string{"x": "y"} }, true},
		"a round and the run's deletion": {func(r *v1alpha1.CanaryRun) { r.DeletionTimestamp = new(metav1.NewTime(time.Unix(1, 0))) }, true},
		"several rounds":                 {func(r *v1alpha1.CanaryRun) { r.Status.Measured = 9 }, false},
		"fewer rounds":                   {func(r *v1alpha1.CanaryRun) { r.Status.Measured = 2 }, true},
		"no round":                       {func(r *v1alpha1.CanaryRun) { r.Status.Measured = 3 }, true},
		"a step that is gone":            {func(r *v1alpha1.CanaryRun) { r.Status.Step = nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			after := before.DeepCopy()
			after.ResourceVersion = "2"
			after.Status.Measured, after.Status.Step.Measured, after.Status.Metrics[0].Passed, after.Status.Duration = 4, 4, 4, "40s/1h"
			tc.change(after)
			if got := notOnlyMeasured.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != tc.looks {
				t.Errorf("it is looked at: %t", got)
			}
		})
	}
	if !notOnlyMeasured.Create(event.CreateEvent{Object: before}) || !notOnlyMeasured.Delete(event.DeleteEvent{Object: before}) {
		t.Error("runs that come and go are not looked at")
	}
}
