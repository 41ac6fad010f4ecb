package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
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
	// Live says that they were read from the API server itself, and that no other run takes a place meanwhile.
	Live bool
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
func NeedsLine(in Snapshot, clusterLimit int) bool {
	spec, judged := askedPlan(in)
	return judged && in.Run.Status.CreatedAt == nil && (clusterLimit > 0 || spec.MaxRuns != nil)
}

// TakesPlace says whether a run counts towards the limits of others. One that
// nothing judges does not: it lives until somebody deletes it, and is no more
// than its pods, which a quota limits.
func TakesPlace(run v1alpha1.CanaryRunSpec) bool { return run.Plan != nil || run.PlanRef != "" }

// mayStart says whether the run may make its canary; otherwise it is told its place.
//
// Places are taken by those that wait for nothing else: one that waits for its
// Deployment keeps nobody waiting, and one that its own namespace keeps waiting
// keeps none of another. In a namespace it is the order in which runs were made;
// in the cluster a place goes to the namespace that has the fewest, so that one
// with many runs waits behind itself.
func (s *planner) mayStart() (ok bool, reason, message string) {
	if s.in.Canary != nil || !s.judged { // made in a step that was cut short; no place is needed
		return true, "", ""
	}
	if s.plan.MaxRuns != nil {
		limit := int(*s.plan.MaxRuns)
		taken, ahead := s.placesInNamespace()
		if taken+ahead >= limit {
			return false, v1alpha1.ReasonQueued, fmt.Sprintf(
				"waits for its turn, place %d in the queue of the namespace: %s may have a canary at once", ahead+1, plural(int32(limit), "run"))
		}
	}
	if limit := s.in.Line.ClusterLimit; limit > 0 {
		taken, ahead := s.placesInCluster()
		if taken+ahead >= limit {
			return false, v1alpha1.ReasonQueuedInCluster, fmt.Sprintf(
				"waits for its turn, place %d in the queue of the cluster: %s may have a canary at once", ahead+1, plural(int32(limit), "run"))
		}
	}
	return true, "", ""
}

// placesInNamespace counts the runs that take a place there, and those that wait
// for one longer.
func (s *planner) placesInNamespace() (taken, ahead int) {
	for _, o := range s.in.Line.Others {
		switch {
		case o.Namespace != s.in.Run.Namespace:
		case o.HasCanary:
			taken++
		case o.Reason == v1alpha1.ReasonQueued && byAge(o, s.me()) < 0:
			ahead++
		}
	}
	return taken, ahead
}

// placesInCluster counts the runs that take a place anywhere, and those that get
// one sooner.
func (s *planner) placesInCluster() (taken, ahead int) {
	have := map[string]int{} // by namespace: places, and then turns
	waiting := []Other{s.me()}
	for _, o := range s.in.Line.Others {
		switch {
		case o.HasCanary:
			taken++
			have[o.Namespace]++
		case o.Reason == v1alpha1.ReasonQueuedInCluster:
			waiting = append(waiting, o)
		}
	}
	slices.SortFunc(waiting, byAge)
	turns := make([]int, len(waiting))
	for i, o := range waiting {
		turns[i] = have[o.Namespace]
		have[o.Namespace]++
	}
	mine := slices.Index(waiting, s.me())
	for i := range waiting {
		if turns[i] < turns[mine] || turns[i] == turns[mine] && i < mine {
			ahead++
		}
	}
	return taken, ahead
}

// me is the run itself as the others see it.
func (s *planner) me() Other {
	return Other{Namespace: s.in.Run.Namespace, Name: s.in.Run.Name, CreatedAt: s.in.Run.CreatedAt}
}

func byAge(a, b Other) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
