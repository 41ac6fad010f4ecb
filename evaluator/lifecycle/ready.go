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

// whyNotReady says what keeps the pods from being Ready. The first of these
// that is found explains it: a pod that finds no node, pods that are not made,
// a container that waits, a pod that is not Ready.
func (p podSet) whyNotReady() (reason, message string) {
	pods := byPodName(p.pods)
	count := fmt.Sprintf("%d of %d %s pods are Ready", min(readyPods(pods), p.wanted), p.wanted, p.role)
	for _, pod := range pods {
		if s := find(pod, corev1.PodScheduled); s != nil && s.Status == corev1.ConditionFalse {
			return v1alpha1.ReasonUnschedulable, fmt.Sprintf("%s; pod %s: %s: %s", count, pod.Name, s.Reason, s.Message)
		}
	}
	if int32(len(pods)) < p.wanted {
		message = fmt.Sprintf("%s; %d of %d pods are made", count, len(pods), p.wanted)
		if p.set != nil && p.set.CreateFailure != "" {
			message += ": " + p.set.CreateFailure
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
	for _, pod := range pods {
		if r := find(pod, corev1.PodReady); !podIsReady(pod) {
			message = fmt.Sprintf("%s; pod %s is not Ready", count, pod.Name)
			if pod.Status.Message != "" { // evicted, for example
				message += ": " + pod.Status.Message
			} else if r != nil && r.Message != "" {
				message += ": " + r.Message
			}
			return v1alpha1.ReasonNotReady, message
		}
	}
	return v1alpha1.ReasonNotReady, count
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

// health is what the pods of a canary are judged by at one look at them, and by how long they may take to
// start.
type health struct {
	podSet // as the step has it
	// scaledTo is how many there are to be now: more than those of the step where an autoscaler added some.
	scaledTo int32
	scales   bool
	// madeBy is when the pods were made with which the step began: those made later took the place of others.
	madeBy   time.Time
	deadline time.Duration
	now      time.Time
}

func healthOf(in Snapshot, c course) health {
	return health{in.canary(c.out.Replicas), scalingOf(in, c).target(in.Canary), c.hpa() != nil, c.podsMadeBy(), c.plan.ReadyDeadline.Duration, in.Now}
}

// isLate says whether a pod has had the time to get Ready.
func (h health) isLate(p corev1.Pod) bool { return !h.now.Before(p.CreationTimestamp.Add(h.deadline)) }

// measure is the measurement of the canary's health. Pods that are not Ready
// fail it; those that take the place of others that a drain or a person took away
// have readyDeadline to start, and until then nobody knows.
func (h health) measure(at time.Time) v1alpha1.Measurement {
	judged := h.podSet
	judged.wanted = h.toBeReady()
	ready := min(readyPods(h.pods), judged.wanted)
	_, why := judged.whyNotReady()
	m := analysis.JudgePods(at, ready, judged.wanted, why)
	if m.Outcome == v1alpha1.OutcomeFailed && ready+h.replaced() >= judged.wanted {
		m.Outcome = v1alpha1.OutcomeError
	}
	return butForProbes(m, h.pods, ready+h.replaced(), judged.wanted)
}

// toBeReady is how many pods are judged by: as many as the step has and, of those beyond that an autoscaler
// added, the ones that are Ready or have had the time to get so.
func (h health) toBeReady() int32 {
	if !h.scales {
		return h.wanted
	}
	n := readyPods(h.pods)
	for _, p := range h.pods {
		if p.DeletionTimestamp == nil && !podIsReady(p) && (h.isLate(p) || !p.CreationTimestamp.After(h.madeBy)) {
			n++
		}
	}
	return min(max(n, h.wanted), h.scaledTo)
}

// replaced counts the pods that were Ready in this step and were deleted, whose
// successors start or are not made yet. Pods that ended by themselves, or that a
// node put out because they used too much of it, are not among them.
func (h health) replaced() int32 {
	var there, starting int32
	for _, p := range h.pods {
		if p.DeletionTimestamp != nil {
			continue
		}
		there++
		if hasEnded(p) {
			starting-- // the place of one of those that start
			there--
			continue
		}
		if p.CreationTimestamp.After(h.madeBy) && !h.isLate(p) && !podIsReady(p) && !restarts(p) {
			starting++
		}
	}
	if h.set == nil || h.set.CreateFailure == "" {
		starting += max(h.wanted-there, 0)
	}
	return max(starting, 0)
}

func restarts(p corev1.Pod) bool {
	return slices.ContainsFunc(containers(p), func(c corev1.ContainerStatus) bool { return c.RestartCount > 0 })
}

// measureBaseline is the measurement of the baseline's health. It fails nothing:
// a baseline that is not Ready is an error of the measuring.
func (p podSet) measureBaseline(at time.Time) v1alpha1.Measurement {
	_, why := p.whyNotReady()
	return analysis.JudgeBaseline(at, min(readyPods(p.pods), p.wanted), p.wanted, why)
}
