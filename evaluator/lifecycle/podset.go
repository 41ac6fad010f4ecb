package lifecycle

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// podSet is the pods of one role in a run, as they are, and how many there are to be.
type podSet struct {
	role string
	// set is their ReplicaSet, nil if there is none.
	set    *Canary
	pods   []corev1.Pod
	wanted int32
}

func (in Snapshot) canary(wanted int32) podSet {
	return podSet{v1alpha1.RoleCanary, in.Canary, in.Pods, wanted}
}

func (in Snapshot) baseline(wanted int32) podSet {
	return podSet{v1alpha1.RoleBaseline, in.Baseline, in.BaselinePods, wanted}
}

// create, scale and remove are the actions on the ReplicaSet.
func (p podSet) create() Action {
	if p.role == v1alpha1.RoleBaseline {
		return CreateBaseline{p.wanted}
	}
	return CreateCanary{p.wanted}
}

func (p podSet) scale(n int32) Action {
	if p.role == v1alpha1.RoleBaseline {
		return ScaleBaseline{n}
	}
	return ScaleCanary{n}
}

func (p podSet) remove() Action {
	if p.role == v1alpha1.RoleBaseline {
		return DeleteBaseline{}
	}
	return DeleteCanary{}
}

// isReady says whether all pods that are wanted are Ready, for so many seconds where that is not 0.
func (p podSet) isReady(seconds int32) bool {
	if p.set == nil || p.set.Foreign || p.set.Replicas != p.wanted || readyPods(p.pods) < p.wanted {
		return false
	}
	return seconds == 0 || p.set.Available >= p.wanted
}

// repair brings back pods that somebody deleted, scaled, or made in the name of their ReplicaSet.
func (p podSet) repair() []Action {
	switch c := p.set; {
	case c == nil:
		return []Action{p.create()}
	case c.Foreign && !c.Deleting:
		return []Action{p.remove()}
	case !c.Deleting && c.Replicas != p.wanted:
		return []Action{p.scale(p.wanted)}
	}
	return nil
}

// trim takes away the pods that are more than are wanted.
func (p podSet) trim() []Action {
	if c := p.set; c == nil || c.Deleting || c.Foreign || c.Replicas <= p.wanted {
		return nil
	}
	return []Action{p.scale(p.wanted)}
}

// empty leaves none of the pods.
func (p podSet) empty() []Action {
	if c := p.set; c == nil || c.Deleting || c.Replicas == 0 {
		return nil
	}
	return []Action{p.scale(0)}
}

// readySince is since when all pods that are wanted are known to have been Ready.
func (p podSet) readySince() (time.Time, bool) {
	since := readyTimes(p.pods)
	if int(p.wanted) > len(since) {
		return time.Time{}, false
	}
	if p.wanted == 0 {
		return time.Time{}, true
	}
	return since[p.wanted-1], true
}

// lost counts the pods that were there by a time, when the step was Ready, and are gone, go, or have ended.
func (p podSet) lost(by time.Time) int32 {
	wanted := p.wanted
	for _, pod := range p.pods {
		if pod.DeletionTimestamp == nil && !hasEnded(pod) && !pod.CreationTimestamp.After(by) {
			wanted--
		}
	}
	return max(wanted, 0)
}

func hasEnded(p corev1.Pod) bool {
	return p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
}

// readyTimes are since when the pods that are Ready and stay have been, in order.
func readyTimes(pods []corev1.Pod) []time.Time {
	var since []time.Time
	for _, p := range pods {
		if ready := find(p, corev1.PodReady); p.DeletionTimestamp == nil && podIsReady(p) {
			since = append(since, later(p.CreationTimestamp.Time, ready.LastTransitionTime.Time))
		}
	}
	slices.SortFunc(since, time.Time.Compare)
	return since
}
