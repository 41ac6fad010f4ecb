package lifecycle

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// A pod that is deleted, evicted or drained takes with it what it had still to show: of a canary whose pods
// are deleted in time nobody ever sees one crash. So a pass needs a period that the pods lived through.

// maxBegunAnew is how often a run begins a step anew for that before a person is asked.
const maxBegunAnew = 10

// tolerated is how many of so many pods may be taken away in a period: the others show enough.
func tolerated(wanted int32) int32 { return wanted / 5 }

// takenAway says of which pods of a step too many were taken away that were there by a time, "" if of none.
func (o ownPods) takenAway(by time.Time) string {
	for _, set := range o {
		if n := set.lost(by); n > tolerated(set.wanted) {
			return fmt.Sprintf("%d of %d %s pods were taken away (deleted, evicted or drained) within the period, and with them what they "+
				"had still to show", n, set.wanted, set.role)
		}
	}
	return ""
}

// tookAway says what was taken away in this step. Behind a gate the pods have shown what they had to. Of a
// canary that an autoscaler scales, pods go because it has them go: the last step goes on until enough have
// lived through it (see youngUntil).
func tookAway(in Snapshot, c course) string {
	own := ownPodsOf(in, c)
	switch {
	case c.atGate():
		return ""
	case c.hpa() != nil:
		own = own[1:]
	}
	return own.takenAway(c.podsMadeBy())
}

// beginAnew begins the step anew, so that its period is lived through whole; who has done so too often asks a
// person.
func (s *planner) beginAnew(reason, message, when string) Move {
	again := s.out.Step.BegunAnew + 1
	if again > maxBegunAnew {
		return s.judge(v1alpha1.VerdictInconclusive, reason, fmt.Sprintf("%s; a step was begun anew %d times for that", message, maxBegunAnew))
	}
	p := s.begin(s.number(), reason)
	s.out.Step.BegunAnew = again
	s.enter(v1alpha1.PhaseStarting, reason, fmt.Sprintf("%s; the period begins anew %s (%d of at most %d times)", message, when, again, maxBegunAnew))
	return p
}

// youngUntil is when the pods will be old enough of the last of several steps, which has to go on until then,
// and whether that is to come; or of the only one, where an autoscaler may have taken away the pods that it
// began with.
func youngUntil(in Snapshot, c course) (time.Time, bool) {
	if n := len(stepsOf(c.plan)); n < 2 && c.hpa() == nil || c.number() < n || c.atGate() {
		return time.Time{}, false
	}
	at := oldEnoughAt(in, c)
	return at, in.Now.Before(at)
}

// oldEnoughAt is when enough pods will have been Ready for as long as the steps take: who takes away pods at
// each step, or has them go when the canary is made smaller, would have none of them live through more than
// one. Enough are as many as the smallest step has, but for those that may be taken away. Behind an approved
// gate, what was before it does not count.
func oldEnoughAt(in Snapshot, c course) time.Time {
	steps := stepsOf(c.plan)
	first := 0
	for i, step := range steps[:len(steps)-1] {
		if step.Approval {
			first = i + 1
		}
	}
	var total time.Duration
	for _, step := range steps[first:] {
		total += analysisOf(c.plan, step).Period.Duration
	}
	least := c.out.Replicas
	if fewest := c.out.Step.FewestPods; fewest > 0 {
		least = min(least, fewest)
	}
	if c.plan.Analysis.EndEarly && c.out.ReadyAt != nil { // the steps may have taken less
		total = min(total, in.Now.Sub(c.out.ReadyAt.Time))
	}
	since := readyTimes(in.Pods)
	if enough := int(least - tolerated(least)); enough <= len(since) {
		return since[enough-1].Add(total)
	}
	return in.Now.Add(total)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// podsMadeBy is the time by which the pods of the step were made, by the clock of the API server:
// those that were made later took the place of others.
func (s *course) podsMadeBy() time.Time {
	if at := s.out.Step.PodsMadeBy; at != nil {
		return at.Time
	}
	return s.readyAt().Time
}

// madeBy is when the newest of some pods was made; nil if there are none.
func madeBy(pods []corev1.Pod) *metav1.Time {
	var newest *metav1.Time
	for i := range pods {
		if at := &pods[i].CreationTimestamp; newest == nil || newest.Before(at) {
			newest = at
		}
	}
	return newest
}
