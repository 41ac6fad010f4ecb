package lifecycle

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// WantsBaseline says whether a run has baseline pods beside its canary.
func WantsBaseline(in Snapshot) bool { return termsOf(in).wantsBaseline() }

// judgeBaseline is the measurement of the baseline's health. It fails nothing:
// a baseline that is not Ready is an error of the measuring.
func judgeBaseline(in Snapshot, wanted int32, at time.Time) v1alpha1.Measurement {
	_, why := whyNotReady(v1alpha1.RoleBaseline, in.Baseline, in.BaselinePods, wanted)
	return analysis.JudgeBaseline(at, min(readyPods(in.BaselinePods), wanted), wanted, why)
}

// repairSet brings back a set of pods that somebody deleted, scaled, or made in
// its name.
func repairSet(c *Canary, wanted int32, create, scale, remove Action) []Action {
	switch {
	case c == nil:
		return []Action{create}
	case c.Foreign && !c.Deleting:
		return []Action{remove}
	case !c.Deleting && c.Replicas != wanted:
		return []Action{scale}
	}
	return nil
}

// putOut deletes the pods that the run's ReplicaSets have adopted.
func (o Others) putOut() []Action {
	var out []Action
	for _, pod := range o.Adopted {
		out = append(out, PutOut{pod})
	}
	return out
}

// deleteLeft deletes the pods of the run that nothing else would delete.
func (o Others) deleteLeft() []Action {
	var out []Action
	for _, pod := range o.Left {
		out = append(out, DeleteLeft{pod})
	}
	return out
}

// whyNot says what keeps the sets from being Ready, the canary first.
func (s *planner) whyNot() (reason, message string) {
	n, minReady := s.out.Replicas, s.in.Deployment.MinReady
	if s.in.canaryIsReady(n, minReady) && !s.areReady(minReady) {
		_, message = whyNotReady(v1alpha1.RoleBaseline, s.in.Baseline, s.in.BaselinePods, n)
		reason, message = v1alpha1.ReasonBaselineSick, "the baseline is not Ready: "+message
	} else {
		reason, message = whyNotReady(v1alpha1.RoleCanary, s.in.Canary, s.in.Pods, n)
	}
	if s.areReady(0) {
		message += ", and have to be for " + Short(time.Duration(minReady)*time.Second) + " (minReadySeconds)"
	}
	if unclear := s.in.Others.Unclear; unclear != "" {
		message += "; " + unclear
	}
	return reason, message
}

// allPods are those of the canary and of the baseline.
func (in Snapshot) allPods() []corev1.Pod { return slices.Concat(in.Pods, in.BaselinePods) }
