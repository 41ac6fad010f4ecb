package lifecycle

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// ownPods are the pods that a run is to have: those of its canary, then of its baseline where it has one.
type ownPods []podSet

func ownPodsOf(in Snapshot, c course) ownPods {
	out := ownPods{in.canary(c.out.Replicas)}
	if c.wantsBaseline() {
		out = append(out, in.baseline(c.out.Replicas))
	}
	return out
}

// areReady says whether all of them are Ready, for so many seconds where that is not 0.
func (o ownPods) areReady(seconds int32) bool {
	return !slices.ContainsFunc(o, func(set podSet) bool { return !set.isReady(seconds) })
}

// whyNot says what keeps them from being Ready for so many seconds, the canary first.
func (o ownPods) whyNot(seconds int32) (reason, message string) {
	if o[0].isReady(seconds) && !o.areReady(seconds) {
		_, message = o[1].whyNotReady()
		reason, message = v1alpha1.ReasonBaselineSick, "the baseline is not Ready: "+message
	} else {
		reason, message = o[0].whyNotReady()
	}
	if o.areReady(0) {
		message += ", and have to be for " + Short(time.Duration(seconds)*time.Second) + " (minReadySeconds)"
	}
	return reason, message
}

// readySince is since when all that are wanted are known to have been Ready.
func (o ownPods) readySince() (time.Time, bool) {
	var latest time.Time
	for _, set := range o {
		at, known := set.readySince()
		if !known {
			return time.Time{}, false
		}
		latest = later(latest, at)
	}
	return latest, true
}

// repair brings back what somebody deleted or scaled, and gives each the size of the step.
func (o ownPods) repair() []Action {
	var out []Action
	for _, set := range o {
		out = append(out, set.repair()...)
	}
	return out
}

// allPods are those of the canary and of the baseline.
func (in Snapshot) allPods() []corev1.Pod { return slices.Concat(in.Pods, in.BaselinePods) }
