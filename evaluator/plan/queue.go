package plan

import (
	"cmp"
	"fmt"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// queuePoll is how often a run looks whether its turn has come, beside the ends
// of others.
const queuePoll = 30 * time.Second

// Line is what a run must know of the others to know whether its turn has come.
type Line struct {
	// ClusterLimit is how many runs of the cluster may have a canary; 0 is no limit.
	ClusterLimit int
	Others       []Other
}

// Other is another run that has not ended.
type Other struct {
	Namespace, Name string
	CreatedAt       time.Time
	// HasCanary says whether it takes a place.
	HasCanary bool
	// Reason is that of its phase.
	Reason string
}

// NeedsLine says whether the next step depends on other runs.
func NeedsLine(in Input, clusterLimit int) bool {
	s := newStep(in)
	return in.Run.Status.CreatedAt == nil && (clusterLimit > 0 || s.plan.MaxRuns != nil)
}

// turn says whether the run may make its canary; otherwise it is told its place.
//
// Places are taken in the order in which runs were made, among those that wait
// for nothing else: one that waits for its Deployment keeps nobody waiting, and
// one that its own namespace keeps waiting keeps none of another.
func (s *step) turn() (ok bool, reason, message string) {
	if s.in.Canary != nil { // made in a step that was cut short
		return true, "", ""
	}
	if s.plan.MaxRuns != nil {
		limit := int(*s.plan.MaxRuns)
		taken, ahead := s.places(v1alpha1.ReasonQueued, func(o Other) bool { return o.Namespace == s.in.Run.Namespace })
		if taken+ahead >= limit {
			return false, v1alpha1.ReasonQueued, fmt.Sprintf(
				"waits for its turn, place %d in the queue of the namespace: %s may have a canary at once", ahead+1, plural(int32(limit), "run"))
		}
	}
	if limit := s.in.Line.ClusterLimit; limit > 0 {
		taken, ahead := s.places(v1alpha1.ReasonQueuedInCluster, func(Other) bool { return true })
		if taken+ahead >= limit {
			return false, v1alpha1.ReasonQueuedInCluster, fmt.Sprintf(
				"waits for its turn, place %d in the queue of the cluster: %s may have a canary at once", ahead+1, plural(int32(limit), "run"))
		}
	}
	return true, "", ""
}

// places counts the runs that take a place, and those that wait for one longer.
func (s *step) places(reason string, counts func(Other) bool) (taken, ahead int) {
	for _, o := range s.in.Line.Others {
		switch {
		case !counts(o):
		case o.HasCanary:
			taken++
		case o.Reason == reason && s.isBehind(o):
			ahead++
		}
	}
	return taken, ahead
}

func (s *step) isBehind(o Other) bool {
	me := s.in.Run
	return cmp.Or(o.CreatedAt.Compare(me.CreatedAt), cmp.Compare(o.Namespace, me.Namespace), cmp.Compare(o.Name, me.Name)) < 0
}
