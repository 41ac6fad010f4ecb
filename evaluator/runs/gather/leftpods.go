package gather

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// maxGrace is how long a pod of a run may take to end, in seconds. Its template says how long it wants, and
// would have an untried version answer for as long as it likes after its run.
const maxGrace = int64(600)

// A ReplicaSet takes its pods with it when it goes. Whoever keeps it in its deletion by a finalizer, or
// deletes it and orphans its pods, would have an untried template run on behind the Service for as long as he
// likes, also when the run and its Deployment are gone.

// LeftPods are the pods that nothing would ever delete, of all ReplicaSets and pods that bear the labels of a
// run. While it is not over, current are the ReplicaSets whose pods it has, by role.
func LeftPods(over bool, current map[string]*appsv1.ReplicaSet, sets []appsv1.ReplicaSet, pods []corev1.Pod) []lifecycle.UnwantedPod {
	byUID := map[types.UID]*appsv1.ReplicaSet{}
	for i := range sets {
		byUID[sets[i].UID] = &sets[i]
	}
	var out []lifecycle.UnwantedPod
	for _, pod := range pods {
		if pod.DeletionTimestamp != nil {
			if grace := pod.DeletionGracePeriodSeconds; grace != nil && *grace > maxGrace {
				left := unwanted(pod, fmt.Sprintf("it would take %s to end, and has %s", time.Duration(*grace)*time.Second, time.Duration(maxGrace)*time.Second))
				left.Grace = new(maxGrace)
				out = append(out, left)
			}
			continue
		}
		set, owner := current[pod.Labels[v1alpha1.RoleLabel]], metav1.GetControllerOf(&pod)
		switch {
		case owner == nil && (over || set != nil && set.DeletionTimestamp != nil):
			out = append(out, unwanted(pod, "its ReplicaSet was deleted without it"))
		case owner == nil:
		case isBeingDeleted(byUID[owner.UID]) && (over || set == nil || set.UID != owner.UID):
			out = append(out, unwanted(pod, "something keeps its ReplicaSet in its deletion"))
		}
	}
	return out
}

func isBeingDeleted(rs *appsv1.ReplicaSet) bool { return rs != nil && rs.DeletionTimestamp != nil }

func unwanted(pod corev1.Pod, why string) lifecycle.UnwantedPod {
	return lifecycle.UnwantedPod{Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion, Why: why}
}

// Strays are the pods that end and whose ReplicaSet is gone: a run was deleted, or its ReplicaSet was. No
// budget that counts them allows anything until they have ended.
func Strays(sets []appsv1.ReplicaSet, pods []corev1.Pod) []lifecycle.KeptPod {
	var out []lifecycle.KeptPod
	for _, pod := range pods {
		owner := metav1.GetControllerOf(&pod)
		_, done := pod.Labels[v1alpha1.QuarantineLabel]
		if pod.DeletionTimestamp == nil || owner == nil || owner.Kind != "ReplicaSet" || done {
			continue
		}
		if !slices.ContainsFunc(sets, func(rs appsv1.ReplicaSet) bool { return rs.UID == owner.UID }) {
			out = append(out, lifecycle.KeptPod{Name: pod.Name, UID: pod.UID, Role: pod.Labels[v1alpha1.RoleLabel]})
		}
	}
	return out
}
