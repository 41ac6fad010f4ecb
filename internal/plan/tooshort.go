package plan

import (
	"fmt"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/size"
)

// TooShort says why no update can pass within the deadline of a plan beside a Deployment of so many replicas
// whose pods have to be Ready for minReady, "" where one can. The deadline bounds how long an update is held,
// whoever wrote minReadySeconds, so they do not count on top of it, as they do of readyDeadline.
func TooShort(spec v1alpha1.CanaryPlanSpec, minReady time.Duration, replicas int32) string {
	spec = *spec.DeepCopy()
	spec.SetDefaults()
	measured := spec.Total()
	waits := waitsForReady(spec, replicas)
	if left := spec.Deadline.Duration - measured; minReady == 0 || left > 0 && minReady <= (left-1)/time.Duration(waits) {
		return ""
	}
	times := ""
	if waits > 1 {
		times = fmt.Sprintf(", in %d steps", waits)
	}
	return fmt.Sprintf("the update cannot pass within the deadline of its plan (spec.deadline: %s): the canary is measured for %s, and before that its pods have to be Ready "+
		"for %s (spec.minReadySeconds of the Deployment%s); make the one longer or the other shorter, or the update is reverted", spec.Deadline.Duration, measured, minReady, times)
}

// waitsForReady is in how many steps of a plan there are pods that have to get Ready.
func waitsForReady(spec v1alpha1.CanaryPlanSpec, replicas int32) int {
	waits, before := 0, int32(0)
	for _, step := range spec.Steps {
		pods := size.OfStep(step, replicas, spec.Baseline != nil)
		if pods > before {
			waits++
		}
		before = pods
	}
	return max(waits, 1)
}
