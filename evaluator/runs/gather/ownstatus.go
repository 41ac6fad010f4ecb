package gather

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/objects"
)

// maxOwnPods is the limit of status.canary.pods.
const maxOwnPods = 200

// remember adds pods to those that are known. Those that are gone are forgotten
// first, the oldest of them before the others.
func remember(known []v1alpha1.OwnPod, there []corev1.Pod) []v1alpha1.OwnPod {
	present := map[string]v1alpha1.OwnPod{}
	for _, pod := range there {
		present[pod.Name] = v1alpha1.OwnPod{Name: pod.Name, UID: pod.UID, Print: string(objects.PrintOfPod(&pod))}
	}
	var gone, out []v1alpha1.OwnPod
	for _, pod := range known {
		if now, is := present[pod.Name]; is {
			out = append(out, now)
			delete(present, pod.Name)
		} else {
			gone = append(gone, pod)
		}
	}
	for _, pod := range there {
		if now, isNew := present[pod.Name]; isNew {
			out = append(out, now)
		}
	}
	out = out[:min(len(out), maxOwnPods)]
	return append(gone[max(0, len(gone)+len(out)-maxOwnPods):], out...)
}

// namesOf are the names of the pods of a set that are known, and of those that are
// there beyond what is remembered.
func namesOf(own *v1alpha1.OwnSet, there []corev1.Pod) []string {
	var out []string
	if own != nil {
		for _, pod := range own.Pods {
			out = append(out, pod.Name)
		}
	}
	for _, pod := range there {
		out = append(out, pod.Name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Made notes that a ReplicaSet was made just now, by the answer of the API server.
func (o Observed) Made(answer *unstructured.Unstructured) error {
	print, err := printOfLiveSet(answer)
	if err != nil {
		return err
	}
	for _, own := range []*v1alpha1.OwnSet{o.ownCanary, o.ownBaseline} {
		if own != nil && own.Name == answer.GetName() {
			own.UID, own.Print = answer.GetUID(), string(print)
		}
	}
	if o.made != nil {
		o.made.keep(client.ObjectKeyFromObject(o.CanaryRun), answer, print)
	}
	return nil
}

// printOfLiveSet and printOfLivePod are the prints of objects as the API server sends them.
func printOfLiveSet(live *unstructured.Unstructured) (canary.Print, error) {
	var rs appsv1.ReplicaSet
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &rs); err != nil {
		return "", fmt.Errorf("read ReplicaSet %q: %w", live.GetName(), err)
	}
	return canary.SetPrint(&rs.Spec), nil
}

func printOfLivePod(live *unstructured.Unstructured) (canary.Print, error) {
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &pod); err != nil {
		return "", fmt.Errorf("read pod %q: %w", live.GetName(), err)
	}
	return canary.PodPrint(&pod), nil
}

// Noted adds to a status what another evaluator cannot find out: whose the pods are that were seen.
func (g *Gatherer) Noted(seen Observed, status v1alpha1.CanaryRunStatus) v1alpha1.CanaryRunStatus {
	return g.Stable.AddTo(seen.CanaryRun, seen.withOwn(status))
}

// withOwn puts what is known of the run's sets into its status. An ended run has none.
func (o Observed) withOwn(status v1alpha1.CanaryRunStatus) v1alpha1.CanaryRunStatus {
	status.Canary, status.Baseline = nil, nil
	if status.CreatedAt != nil && !status.Phase.Ended() {
		status.Canary = o.ownCanary
		if o.ownBaseline != nil && o.ownBaseline.UID != "" {
			status.Baseline = o.ownBaseline
		}
	}
	return status
}
