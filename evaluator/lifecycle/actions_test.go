package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// apply is what the API server and the webhook make of an action. It is false
// for one that they refuse.
func (w *world) apply(action Action) bool {
	w.note("do %s", describe(action))
	if w.routesDo(action) {
		return true
	}
	if done, refused := w.autoscalersDo(action); done {
		return !refused
	}
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
	case EmptyLeftover:
		w.scale(a.Name, 0)
	case DeleteLeftover:
		delete(w.sets, a.Name)
	case Quarantine:
		w.label(a.Pod, map[string]string{v1alpha1.QuarantineLabel: "true"})
	case Readmit:
		w.label(a.Pod, nil)
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
			w.deployment.Held, w.deployment.Hash = w.next(), heldHash
			w.rollout = RolloutProgress{State: RolloutUnderWay}
		}
	case Revert:
		if w.deployment.Held == a.Hold {
			w.deployment.Held, w.deployment.Rejected = w.next(), true
		}
	case GiveWay:
		if w.deployment.Held == a.Hold && w.deployment.Waiting {
			w.deployment.Held = w.next()
		}
	}
	return true
}

// next is the hold that comes when one ends, "" for none.
func (w *world) next() string {
	if !w.deployment.Waiting {
		return ""
	}
	w.deployment.Waiting = false
	return "hold-next"
}

// describe writes an action in one line.
func describe(action Action) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", action), "lifecycle.")
	switch a := action.(type) {
	case PutOut:
		return name + " " + a.Pod.Name
	case Quarantine:
		return name + " " + a.Pod.Name
	case Readmit:
		return name + " " + a.Pod.Name
	case DeleteLeft:
		return name + " " + a.Pod.Name
	case Release, GiveWay:
		return name
	case ShareTraffic:
		if a.Match == nil {
			return fmt.Sprintf("%s %d", name, a.Percent)
		}
		return fmt.Sprintf("%s %d, and where %s", name, a.Percent, a.matched())
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

// scale is the part of the ReplicaSet controller too: pods come and go at once, or take long to end.
func (w *world) scale(name string, replicas int32) {
	s := w.sets[name]
	s.Replicas = replicas
	var stay, end []corev1.Pod
	for _, p := range s.pods {
		switch {
		case p.DeletionTimestamp != nil:
			end = append(end, p)
		case len(stay) < int(replicas):
			stay = append(stay, p)
		case w.slow:
			asked := metav1.NewTime(w.now)
			p.DeletionTimestamp = &asked
			end = append(end, p)
		}
	}
	for i := len(stay); i < int(replicas); i++ {
		made := pod(fmt.Sprintf("%s-%d", name, i), w.now)
		if len(end) > 0 {
			made.Name += "-again"
		}
		stay = append(stay, made)
	}
	s.pods = slices.Concat(stay, end)
	s.Available = min(s.Available, replicas)
}

// label gives a pod these labels and no others.
func (w *world) label(pod KeptPod, labels map[string]string) {
	for _, s := range w.sets {
		s.pods = slices.Clone(s.pods)
		for i := range s.pods {
			if s.pods[i].Name == pod.Name {
				s.pods[i].Labels = labels
			}
		}
	}
}

func pod(name string, at time.Time) corev1.Pod {
	start := metav1.NewTime(at.Truncate(time.Second)) // as the API server has it
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
