package plan

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// readyPods counts the pods that are Ready and stay.
func readyPods(pods []corev1.Pod) int32 {
	var n int32
	for _, p := range pods {
		if p.DeletionTimestamp == nil && isTrue(p, corev1.PodReady) {
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
		if r := find(p, corev1.PodReady); !isTrue(p, corev1.PodReady) {
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
	if c == nil || c.Replicas != wanted || readyPods(pods) < wanted {
		return false
	}
	return minReady == 0 || c.Available >= wanted
}

func isTrue(p corev1.Pod, kind corev1.PodConditionType) bool {
	c := find(p, kind)
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
