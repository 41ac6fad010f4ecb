package lifecycle

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// readyPods counts the pods that are Ready and stay.
func readyPods(pods []corev1.Pod) int32 {
	var n int32
	for _, p := range pods {
		if p.DeletionTimestamp == nil && podIsReady(p) {
			n++
		}
	}
	return n
}

// whyNotReady says what keeps a set of pods from being Ready. The first of these
// that is found explains it: a pod that finds no node, pods that are not made,
// a container that waits, a pod that is not Ready.
func whyNotReady(role string, c *Canary, pods []corev1.Pod, wanted int32) (reason, message string) {
	pods = byPodName(pods)
	count := fmt.Sprintf("%d of %d %s pods are Ready", min(readyPods(pods), wanted), wanted, role)
	for _, p := range pods {
		if s := find(p, corev1.PodScheduled); s != nil && s.Status == corev1.ConditionFalse {
			return v1alpha1.ReasonUnschedulable, fmt.Sprintf("%s; pod %s: %s: %s", count, p.Name, s.Reason, s.Message)
		}
	}
	if int32(len(pods)) < wanted {
		message = fmt.Sprintf("%s; %d of %d pods are made", count, len(pods), wanted)
		if c != nil && c.CreateFailure != "" {
			message += ": " + c.CreateFailure
		}
		return v1alpha1.ReasonPodsNotCreated, message
	}
	waiting := ""
	eachWaiting(pods, func(p corev1.Pod, c corev1.ContainerStatus) {
		if w := c.State.Waiting; waiting == "" && w.Reason != "PodInitializing" {
			reason = reasonToWait(w.Reason)
			waiting = fmt.Sprintf("; pod %s: container %s: %s: %s", p.Name, c.Name, w.Reason, w.Message)
		}
	})
	if waiting != "" {
		return reason, count + waiting
	}
	for _, p := range pods {
		if r := find(p, corev1.PodReady); !podIsReady(p) {
			message = fmt.Sprintf("%s; pod %s is not Ready", count, p.Name)
			if p.Status.Message != "" { // evicted, for example
				message += ": " + p.Status.Message
			} else if r != nil && r.Message != "" {
				message += ": " + r.Message
			}
			return v1alpha1.ReasonNotReady, message
		}
	}
	return v1alpha1.ReasonNotReady, count
}

// isReady says whether all pods that are wanted are Ready, for as long as the
// Deployment's minReadySeconds ask for.
func isReady(c *Canary, pods []corev1.Pod, wanted, minReady int32) bool {
	if c == nil || c.Foreign || c.Replicas != wanted || readyPods(pods) < wanted {
		return false
	}
	return minReady == 0 || c.Available >= wanted
}

func podIsReady(p corev1.Pod) bool {
	c := find(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

func find(p corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// judgePods is the measurement of the canary's health. Pods that are not Ready
// fail it; those that take the place of others that a drain or a person took away
// have readyDeadline to start, and until then nobody knows.
func (s *planner) judgePods(at time.Time) v1alpha1.Measurement {
	wanted := s.toBeReady()
	ready := min(readyPods(s.in.Pods), wanted)
	_, why := whyNotReady(v1alpha1.RoleCanary, s.in.Canary, s.in.Pods, wanted)
	m := analysis.JudgePods(at, ready, wanted, why)
	if m.Outcome == v1alpha1.OutcomeFailed && ready+s.replaced() >= wanted {
		m.Outcome = v1alpha1.OutcomeError
	}
	return butForProbes(m, s.in.Pods, ready+s.replaced(), wanted)
}

// replaced counts the pods that were Ready in this step and were deleted, whose
// successors start or are not made yet. Pods that ended by themselves, or that a
// node put out because they used too much of it, are not among them.
func (s *planner) replaced() int32 {
	var there, starting int32
	for _, p := range s.in.Pods {
		if p.DeletionTimestamp != nil {
			continue
		}
		there++
		if p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded {
			starting-- // the place of one of those that start
			there--
			continue
		}
		late := !s.in.Now.Before(p.CreationTimestamp.Add(s.plan.ReadyDeadline.Duration))
		if p.CreationTimestamp.After(s.podsMadeBy()) && !late && !podIsReady(p) && !restarts(p) {
			starting++
		}
	}
	if s.in.Canary == nil || s.in.Canary.CreateFailure == "" {
		starting += max(s.out.Replicas-there, 0)
	}
	return max(starting, 0)
}

func restarts(p corev1.Pod) bool {
	return slices.ContainsFunc(containers(p), func(c corev1.ContainerStatus) bool { return c.RestartCount > 0 })
}
