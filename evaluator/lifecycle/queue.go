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

// isNotItsTurn: a run may not make its canary yet, and is told its place.
//
// Places are taken by those that wait for nothing else: one that waits for its
// Deployment keeps nobody waiting, and one that its own namespace keeps waiting
// keeps none of another. In a namespace it is the order in which runs were made;
// in the cluster a place goes to the namespace that has the fewest, so that one
// with many runs waits behind itself.
func isNotItsTurn(in Snapshot, t terms) hindrance {
	if in.Canary != nil || !t.judged { // made in a step that was cut short; no place is needed
		return hindrance{}
	}
	me := in.Run.asOther()
	if t.plan.MaxRuns != nil {
		limit := int(*t.plan.MaxRuns)
		taken, ahead := in.Line.placesInNamespace(me)
		if taken+ahead >= limit {
			return hindrance{reason: v1alpha1.ReasonQueued, poll: queuePoll, message: fmt.Sprintf(
				"waits for its turn, place %d in the queue of the namespace: %s may have a canary at once", ahead+1, plural(int32(limit), "run"))}
		}
	}
	if limit := in.Line.ClusterLimit; limit > 0 {
		taken, ahead := in.Line.placesInCluster(me)
		if taken+ahead >= limit {
			return hindrance{reason: v1alpha1.ReasonQueuedInCluster, poll: queuePoll, message: fmt.Sprintf(
				"waits for its turn, place %d in the queue of the cluster: %s may have a canary at once", ahead+1, plural(int32(limit), "run"))}
		}
	}
	return hindrance{}
}

// placesInNamespace counts the runs that take a place there, and those that wait
// for one longer.
func (l Line) placesInNamespace(me Other) (taken, ahead int) {
	for _, o := range l.Others {
		switch {
		case o.Namespace != me.Namespace:
		case o.HasCanary:
			taken++
		case o.Reason == v1alpha1.ReasonQueued && byAge(o, me) < 0:
			ahead++
		}
	}
	return taken, ahead
}

// placesInCluster counts the runs that take a place anywhere, and those that get
// one sooner.
func (l Line) placesInCluster(me Other) (taken, ahead int) {
	have := map[string]int{} // by namespace: places, and then turns
	waiting := []Other{me}
	for _, o := range l.Others {
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
	mine := slices.Index(waiting, me)
	for i := range waiting {
		if turns[i] < turns[mine] || turns[i] == turns[mine] && i < mine {
			ahead++
		}
	}
	return taken, ahead
}

// asOther is the run as the others see it.
func (r Run) asOther() Other {
	return Other{Namespace: r.Namespace, Name: r.Name, CreatedAt: r.CreatedAt}
}

func byAge(a, b Other) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
