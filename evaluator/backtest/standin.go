package backtest

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// there says whether a pod was there at a time.
func (p RecordedPod) there(at time.Time) bool {
	return !p.First.After(at) && !p.Last.Add(absent).Before(at)
}

// readyAt says whether a pod had been Ready by a time.
func (p RecordedPod) readyAt(at time.Time) bool { return !p.NeverReady && !p.Ready.After(at) }

// restartsAt is how often its containers had been restarted by a time.
func (p RecordedPod) restartsAt(at time.Time) int32 {
	n := int32(0)
	for _, s := range p.Restarts {
		if s.Time.After(at) {
			break
		}
		n = int32(s.Value)
	}
	return n
}

// object is the pod as the plan would have seen it at a time.
func (p RecordedPod) object(at time.Time) corev1.Pod {
	ready := corev1.ConditionFalse
	if p.readyAt(at) {
		ready = corev1.ConditionTrue
	}
	out := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, CreationTimestamp: metav1.NewTime(p.First)},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
	}
	if n := p.restartsAt(at); n > 0 {
		out.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "of the pod", RestartCount: n}}
	}
	return out
}

// standIn are the pods that stand for those of a canary at a time: of those that
// were there the first to come, so many at most.
func standIn(pods []RecordedPod, at time.Time, most int32) []corev1.Pod {
	var out []corev1.Pod
	for _, p := range pods {
		if p.there(at) && int32(len(out)) < most {
			out = append(out, p.object(at))
		}
	}
	return out
}

// most is the greatest number of pods that were there at once.
func most(pods []RecordedPod) int32 {
	n := 0
	for _, p := range pods {
		there := 0
		for _, other := range pods {
			if other.there(p.First) {
				there++
			}
		}
		n = max(n, there)
	}
	return int32(n)
}

// change is the first time after another at which something became of a pod;
// zero if there is none.
func change(pods []RecordedPod, after time.Time) time.Time {
	var times []time.Time
	for _, p := range pods {
		times = append(times, p.First, p.Ready)
		for _, s := range p.Restarts {
			times = append(times, s.Time)
		}
	}
	times = slices.DeleteFunc(times, func(t time.Time) bool { return !t.After(after) })
	if len(times) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(times, time.Time.Compare)
}

// baseline are pods in the stead of a baseline's. That they were healthy is
// assumed: they are stable.
func baseline(n int32) []corev1.Pod {
	out := make([]corev1.Pod, n)
	for i := range out {
		out[i] = RecordedPod{Name: fmt.Sprintf("baseline-%d", i)}.object(time.Time{})
	}
	return out
}
