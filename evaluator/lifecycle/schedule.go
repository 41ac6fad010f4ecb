package lifecycle

import (
	"fmt"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// StartTolerance is how long before the making of a run its time to start may
// lie. One that lies further back was meant for something else: to start at once
// would surprise, and to wait for it would be for ever.
const StartTolerance = 5 * time.Minute

// waitForStart: the run waits for its time.
func (s *planner) waitForStart() (Move, bool) {
	at := s.in.Run.Spec.StartAt
	if at == nil {
		return Move{}, false
	}
	if past := s.in.Run.CreatedAt.Sub(at.Time); s.in.Run.Spec.ByHand() && past > StartTolerance {
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonStartAtInvalid, fmt.Sprintf(
			"startAt is %s, %s before the run was made; make another run with a time to come, or without startAt",
			at.UTC().Format(time.RFC3339), Short(past.Truncate(time.Second)))), true
	}
	if s.in.Now.Before(at.Time) {
		s.enter(v1alpha1.PhaseScheduled, v1alpha1.ReasonStartAt, "the canary is made at "+at.UTC().Format(time.RFC3339))
		return Move{Requeue: s.until(at.Time)}, true
	}
	return Move{}, false
}
