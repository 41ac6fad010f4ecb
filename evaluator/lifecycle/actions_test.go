package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// apply is what the API server and the webhook make of an action. It is false
// for one that they refuse.
func (w *world) apply(action Action) bool {
	w.note("do %s", describe(action))
	switch a := action.(type) {
	case CreateCanary:
		w.create(w.canaryName(), a.Replicas)
	case CreateBaseline:
		w.create(w.baselineName(), a.Replicas)
	case ScaleCanary:
		w.scale(w.canaryName(), a.Replicas)
	case ScaleBaseline:
		w.scale(w.baselineName(), a.Replicas)
	case DeleteCanary:
		delete(w.sets, w.canaryName())
	case DeleteBaseline:
		delete(w.sets, w.baselineName())
	case DeleteLeftover:
		delete(w.sets, a.Name)
	case PutOut:
		w.others.Adopted = slices.DeleteFunc(slices.Clone(w.others.Adopted), func(o UnwantedPod) bool { return o == a.Pod })
	case DeleteLeft:
		w.others.Left = slices.DeleteFunc(slices.Clone(w.others.Left), func(o UnwantedPod) bool { return o == a.Pod })
	case Release:
		if w.refuse {
			return false
		}
		if w.webhook && w.deployment.Held == a.Hold {
			w.releases++
			w.deployment.Held, w.deployment.Hash = "", heldHash
			w.rollout = Rollout{State: RolloutUnderWay}
		}
	case Revert:
		if w.deployment.Held == a.Hold {
			w.deployment.Held, w.deployment.Rejected = "", true
		}
	}
	return true
}

// describe writes an action in one line.
func describe(action Action) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", action), "lifecycle.")
	switch a := action.(type) {
	case PutOut:
		return name + " " + a.Pod.Name
	case DeleteLeft:
		return name + " " + a.Pod.Name
	case Release:
		return name
	case Revert:
		if a.Rejection.Passed {
			return name + ", remembered as passed"
		}
		return name
	}
	return strings.TrimSpace(name + " " + strings.Trim(fmt.Sprint(action), "{}"))
}

func (w *world) create(name string, replicas int32) {
	if w.sets[name] != nil {
		return
	}
	if name == w.canaryName() {
		w.created++
	}
	w.sets[name] = &set{}
	w.scale(name, replicas)
}

// scale is the part of the ReplicaSet controller too: pods come and go at once.
func (w *world) scale(name string, replicas int32) {
	s := w.sets[name]
	s.Replicas = replicas
	if !s.slow {
		s.pods = s.pods[:min(len(s.pods), int(replicas))]
	}
	for i := len(s.pods); i < int(replicas); i++ {
		s.pods = append(s.pods, pod(fmt.Sprintf("%s-%d", name, i), w.now))
	}
	s.Available = min(s.Available, replicas)
}

func pod(name string, at time.Time) corev1.Pod {
	start := metav1.NewTime(at)
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: start},
		Status:     corev1.PodStatus{StartTime: &start},
	}
}

func waiting(p corev1.Pod, reason, message string) corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "web", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}}
	return p
}

func restarted(p corev1.Pod, times int32) corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "web", RestartCount: times,
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: 137, Reason: "OOMKilled",
		}},
	}}
	return p
}

func conditioned(p corev1.Pod, kind corev1.PodConditionType, is bool, reason, message string) corev1.Pod {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: kind, Status: status, Reason: reason, Message: message}}
	return p
}
