package act

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/refusal"
	"holdfast.dev/holdfast/evaluator/runs/gather"
)

// DeletePodsOfGone deletes the pods of a run that is gone which garbage collection does not.
func (e *Executor) DeletePodsOfGone(ctx context.Context, name types.NamespacedName) error {
	of := objects.OfRun(name.Namespace, name.Name)
	var sets appsv1.ReplicaSetList
	if err := e.Objects.Cached.List(ctx, &sets, of); err != nil {
		return fmt.Errorf("list ReplicaSets of run %q, which is gone: %w", name.Name, err)
	}
	var pods corev1.PodList
	if err := e.Objects.Cached.List(ctx, &pods, of); err != nil {
		return fmt.Errorf("list pods of run %q, which is gone: %w", name.Name, err)
	}
	left, strays := gather.LeftPods(true, nil, sets.Items, pods.Items), gather.Strays(sets.Items, pods.Items)
	if len(left)+len(strays) == 0 {
		return nil
	}
	var run v1alpha1.CanaryRun
	if err := e.Objects.Live.Get(ctx, name, &run); !apierrors.IsNotFound(err) { // the cache of runs may be behind that of pods
		return client.IgnoreNotFound(err)
	}
	for _, pod := range left {
		done, err := e.deletePod(ctx, name.Namespace, pod)
		if err != nil {
			return err
		}
		if done {
			ctrl.LoggerFrom(ctx).Info("a pod of a run that is gone is deleted", "pod", pod.Name, "why", pod.Why)
		}
	}
	for _, pod := range strays {
		if err := e.labelPod(ctx, name.Namespace, pod, nil); err != nil {
			return err
		}
	}
	return nil
}

// deletePod deletes a pod if it still is what was looked at, and says whether it did. One that cannot be
// deleted keeps nobody from going on.
func (e *Executor) deletePod(ctx context.Context, namespace string, pod lifecycle.UnwantedPod) (bool, error) {
	target := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod.Name}}
	err := e.Writer.Delete(ctx, target, &client.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion}, GracePeriodSeconds: pod.Grace,
	})
	switch message, refused := refusal.Now(err); {
	case err == nil:
		return true, nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
	case refused:
		ctrl.LoggerFrom(ctx).Info("a pod cannot be deleted that is not wanted", "pod", pod.Name, "why", message)
	default:
		return false, fmt.Errorf("delete pod %q, which is not wanted: %w", pod.Name, err)
	}
	return false, nil
}
