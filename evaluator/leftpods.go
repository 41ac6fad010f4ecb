package evaluator

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// maxGrace is how long a pod of a run may take to end, in seconds. Its template says how long it wants, and
// would have an untried version answer for as long as it likes after its run.
const maxGrace = int64(600)

// A ReplicaSet takes its pods with it when it goes. Whoever keeps it in its deletion by a finalizer, or deletes
// it and orphans its pods, would have an untried template run on behind the Service for as long as he likes,
// also when the run and its Deployment are gone.

// leftPods are the pods that nothing would ever delete, of all ReplicaSets and pods that bear the labels of a
// run. While it is not over, current are the ReplicaSets whose pods it has, by role.
func leftPods(over bool, current map[string]*appsv1.ReplicaSet, sets []appsv1.ReplicaSet, pods []corev1.Pod) []lifecycle.UnwantedPod {
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

// deletePodsOfGone deletes the pods of a run that is gone which garbage collection does not.
func (e *executor) deletePodsOfGone(ctx context.Context, name types.NamespacedName) error {
	of := []client.ListOption{client.InNamespace(name.Namespace), client.MatchingLabels{v1alpha1.RunLabel: v1alpha1.LabelValue(name.Name)}}
	var sets appsv1.ReplicaSetList
	if err := e.objects.cached.List(ctx, &sets, of...); err != nil {
		return fmt.Errorf("list ReplicaSets of run %q, which is gone: %w", name.Name, err)
	}
	var pods corev1.PodList
	if err := e.objects.cached.List(ctx, &pods, of...); err != nil {
		return fmt.Errorf("list pods of run %q, which is gone: %w", name.Name, err)
	}
	left, strays := leftPods(true, nil, sets.Items, pods.Items), strays(sets.Items, pods.Items)
	if len(left)+len(strays) == 0 {
		return nil
	}
	var run v1alpha1.CanaryRun
	if err := e.objects.live.Get(ctx, name, &run); !apierrors.IsNotFound(err) { // the cache of runs may be behind that of pods
		return client.IgnoreNotFound(err)
	}
	for _, pod := range left {
		if err := e.deletePod(ctx, name.Namespace, pod, func() {
			ctrl.LoggerFrom(ctx).Info("a pod of a run that is gone is deleted", "pod", pod.Name, "why", pod.Why)
		}); err != nil {
			return err
		}
	}
	for _, pod := range strays {
		if err := e.labelPod(ctx, name.Namespace, pod, nil); err != nil {
			return err
		}
	}
	return nil
}

// deletePod deletes a pod if it still is what was looked at, and tells of it. One that cannot be deleted
// keeps nobody from going on.
func (e *executor) deletePod(ctx context.Context, namespace string, pod lifecycle.UnwantedPod, tell func()) error {
	target := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod.Name}}
	err := e.writer.Delete(ctx, target, &client.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion}, GracePeriodSeconds: pod.Grace,
	})
	switch message, refused := refusedNow(err); {
	case err == nil:
		tell()
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
	case refused:
		ctrl.LoggerFrom(ctx).Info("a pod cannot be deleted that is not wanted", "pod", pod.Name, "why", message)
	default:
		return fmt.Errorf("delete pod %q, which is not wanted: %w", pod.Name, err)
	}
	return nil
}
