package lifecycle

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Lag is how long after it was due the round was counted that a run's new status has and the snapshot's has
// not; no where that is none of a run that was being measured, or of a time before this evaluator looked.
// What is stretched is due as it was stretched. Rounds that were missed before it count: the first of them
// was due.
func Lag(in Snapshot, after v1alpha1.CanaryRunStatus) (time.Duration, bool) {
	before := in.Run.Status
	if before.Phase != v1alpha1.PhaseRunning || before.Measured == after.Measured || before.Step == nil || before.Step.ReadyAt == nil {
		return 0, false
	}
	s := reading(in)
	due := roundsOf(in, s.course).next()
	if in.isPast(due) {
		return 0, false
	}
	return max(0, in.Now.Sub(due)), true
}
