package objects

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The parts from which the transforms of CacheOptions are made. A transform may see
// an object twice.

// maxWords is how much is kept of a text that is there for people, in bytes. It is
// more than is shown of it.
const maxWords = 1 << 10

// maxLabels is how much is kept of the labels of an object, in bytes of their keys and
// values. Nobody has so many by accident.
const maxLabels = 4 << 10

// trimMetadata leaves the labels that keep picks, and the owner that is the controller.
func trimMetadata(o metav1.Object, keep func(labels map[string]string) map[string]string) {
	o.SetManagedFields(nil)
	o.SetFinalizers(nil)
	o.SetLabels(keep(o.GetLabels()))
	var owners []metav1.OwnerReference
	if controller := metav1.GetControllerOf(o); controller != nil {
		owners = []metav1.OwnerReference{*controller}
	}
	o.SetOwnerReferences(owners)
}

func only(keys ...string) func(map[string]string) map[string]string {
	return func(labels map[string]string) map[string]string { return pick(labels, keys...) }
}

// pick takes some of several texts, cut to maxAnnotation.
func pick(texts map[string]string, keys ...string) map[string]string {
	var out map[string]string
	for _, key := range keys {
		value, there := texts[key]
		if !there {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = cut(value, maxAnnotation)
	}
	return out
}

// maxAnnotation is more than anything but a record is long where Holdfast takes it.
const maxAnnotation = 16 << 10

// cut shortens a text, and lets go of the rest.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:most]), "")
}

// bytesOf is how long texts are together, with their keys.
func bytesOf(texts map[string]string) int {
	n := 0
	for key, value := range texts {
		n += len(key) + len(value)
	}
	return n
}

// trimConditions leaves the conditions of which keep says that they are read. It also
// says where their words are, which are cut.
func trimConditions[C any](conditions []C, keep func(*C) (read bool, words *string)) []C {
	var out []C
	for i := range conditions {
		if read, words := keep(&conditions[i]); read {
			*words = cut(*words, maxWords)
			out = append(out, conditions[i])
		}
	}
	return out
}

// trimPodStatus leaves what is judged of the health of a pod.
func trimPodStatus(status *corev1.PodStatus) {
	*status = corev1.PodStatus{
		PodIP: status.PodIP, HostIP: status.HostIP, // where its probe is, and is not
		Phase: status.Phase, Reason: status.Reason, Message: cut(status.Message, maxWords), StartTime: status.StartTime,
		Conditions: trimConditions(status.Conditions, func(c *corev1.PodCondition) (bool, *string) {
			switch c.Type {
			case corev1.PodScheduled, corev1.PodReady, corev1.PodInitialized, corev1.PodReadyToStartContainers:
				return true, &c.Message
			}
			return false, nil
		}),
		InitContainerStatuses: trimContainers(status.InitContainerStatuses),
		ContainerStatuses:     trimContainers(status.ContainerStatuses),
	}
}

func trimContainers(containers []corev1.ContainerStatus) []corev1.ContainerStatus {
	var out []corev1.ContainerStatus
	for _, c := range containers {
		for _, state := range []*corev1.ContainerState{&c.State, &c.LastTerminationState} {
			if state.Waiting != nil {
				state.Waiting.Message = cut(state.Waiting.Message, maxWords)
			}
			if state.Terminated != nil {
				state.Terminated.Message = cut(state.Terminated.Message, maxWords)
			}
		}
		out = append(out, corev1.ContainerStatus{
			Name: c.Name, State: c.State, LastTerminationState: c.LastTerminationState,
			Ready: c.Ready, RestartCount: c.RestartCount, Started: c.Started,
		})
	}
	return out
}
