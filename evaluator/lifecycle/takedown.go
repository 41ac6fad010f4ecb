package lifecycle

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A ReplicaSet that is deleted leaves its pods without a controller for as long as they take to end, and the
// disruption controller gives up on every PodDisruptionBudget over them: nothing of the application may be
// evicted meanwhile. So a set of pods is scaled to zero first, and deleted when its pods are gone. A run
// ends, and the next one begins, without waiting for that.

// takeDownLimit is how long after the end of a run its pods are waited for. None takes longer than ten
// minutes: by then a set that is to have pods is scaled up by others, and deleted with them.
const takeDownLimit = 11 * time.Minute

// takeDown takes the canary down, and the baseline with it, of a run that has ended at a time; nil if it has
// not.
func (in Snapshot) takeDown(finished *metav1.Time) []Action {
	late := finished != nil && !in.Now.Before(finished.Add(takeDownLimit))
	return append(takeDownSet(in.Canary, late, ScaleCanary{0}, DeleteCanary{}),
		takeDownSet(in.Baseline, late, ScaleBaseline{0}, DeleteBaseline{})...)
}

func takeDownSet(c *Canary, late bool, empty, remove Action) []Action {
	switch {
	case c == nil || c.Deleting:
		return nil
	case c.Empty, late && c.Replicas > 0:
		return []Action{remove}
	case c.Replicas > 0:
		return []Action{empty}
	}
	return nil // its pods end
}

// sinceMade leaves out the pods that were asked to end before the canary was made: a Deployment that was
// scaled to zero and is scaled up again may have pods of the canary before, which end.
func sinceMade(pods []corev1.Pod, made *metav1.Time) []corev1.Pod {
	if made == nil {
		return pods
	}
	return slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool {
		if p.DeletionTimestamp == nil {
			return false
		}
		asked := p.DeletionTimestamp.Time
		if grace := p.DeletionGracePeriodSeconds; grace != nil {
			asked = asked.Add(-time.Duration(*grace) * time.Second)
		}
		return asked.Before(made.Time)
	})
}

// takeDownLeftovers takes down what earlier attempts have left.
func takeDownLeftovers(leftovers []Leftover) []Action {
	var out []Action
	for _, l := range slices.SortedFunc(slices.Values(leftovers), func(a, b Leftover) int { return cmp.Compare(a.Name, b.Name) }) {
		out = append(out, takeDownSet(&l.Canary, false, EmptyLeftover{l.Name}, DeleteLeftover{l.Name})...)
	}
	return out
}

// goOn says whether pods of earlier attempts are not even asked to end yet.
func goOn(leftovers []Leftover) bool {
	return slices.ContainsFunc(leftovers, func(l Leftover) bool { return l.Replicas > 0 && !l.Deleting })
}
