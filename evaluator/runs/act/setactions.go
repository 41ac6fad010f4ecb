package act

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/refusal"
	"holdfast.dev/holdfast/evaluator/runs/gather"
)

// createBaseline makes the ReplicaSet of the baseline.
func (e *Executor) createBaseline(ctx context.Context, seen gather.Observed, replicas int32) error {
	rs, err := seen.BuildBaseline(ctx, e.Objects)
	if err != nil {
		return err
	}
	return e.createSet(ctx, seen, rs, replicas)
}

// checkRun sees that a run is as it was planned from. A cache that lags could show it as it was before its
// pods were deleted, so it is read from the API server once more, unless this evaluator wrote it itself: then
// nobody else has taken it on since, and what a user changes meanwhile is seen a moment later, as it would be
// after any reading.
func (e *Executor) checkRun(ctx context.Context, seen gather.Observed) error {
	if seen.Ours {
		return nil
	}
	var run v1alpha1.CanaryRun
	if err := e.Objects.Live.Get(ctx, client.ObjectKeyFromObject(seen.CanaryRun), &run); err != nil {
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("%w: the run is gone", objects.ErrStale)
		}
		return fmt.Errorf("read CanaryRun %q: %w", seen.CanaryRun.Name, err)
	}
	if run.UID != seen.CanaryRun.UID || run.ResourceVersion != seen.CanaryRun.ResourceVersion {
		return fmt.Errorf("%w: the run is at another version", objects.ErrStale)
	}
	return nil
}

// createSet makes a ReplicaSet of a run.
func (e *Executor) createSet(ctx context.Context, seen gather.Observed, rs *unstructured.Unstructured, replicas int32) error {
	if err := e.checkRun(ctx, seen); err != nil {
		return err
	}
	rs = rs.DeepCopy()
	_ = unstructured.SetNestedField(rs.Object, int64(replicas), "spec", "replicas") // spec is a map
	err := e.Writer.Create(ctx, rs)
	if err == nil {
		err = seen.Made(rs)
	}
	if apierrors.IsAlreadyExists(err) {
		return e.checkSet(ctx, seen, rs.GetName())
	}
	if err != nil {
		return fmt.Errorf("create ReplicaSet %q: %w", rs.GetName(), err)
	}
	ctrl.LoggerFrom(ctx).Info("pods created", "replicaSet", rs.GetName(), "replicas", replicas)
	return nil
}

// checkSet looks whose the ReplicaSet is that has the name of one to be made:
// this run's, made in a step that was cut short; that of a run of the same name
// whose garbage is not collected yet, or never is because it was orphaned; or
// something else's.
func (e *Executor) checkSet(ctx context.Context, seen gather.Observed, name string) error {
	existing := &metav1.PartialObjectMetadata{}
	existing.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
	if err := e.Objects.Live.Get(ctx, types.NamespacedName{Namespace: seen.CanaryRun.Namespace, Name: name}, existing); err != nil {
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("%w: the ReplicaSet is gone", objects.ErrStale)
		}
		return fmt.Errorf("read ReplicaSet %q: %w", name, err)
	}
	owner := metav1.GetControllerOf(existing)
	switch {
	case owner == nil && existing.Labels[v1alpha1.RunLabel] == v1alpha1.LabelValue(seen.CanaryRun.Name):
		uid := existing.UID
		err := e.Writer.Delete(ctx, existing, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete ReplicaSet %q, whose run is gone: %w", name, err)
		}
		return fmt.Errorf("%w: the pods of an earlier run of the same name were left over", objects.ErrStale)
	case owner == nil || owner.Kind != "CanaryRun" || owner.Name != seen.CanaryRun.Name:
		return fmt.Errorf("create ReplicaSet %q: %w", name, errNameTaken)
	case owner.UID != seen.CanaryRun.UID:
		return fmt.Errorf("%w: the pods of an earlier run of the same name are still there", objects.ErrStale)
	}
	return nil
}

func (e *Executor) scaleSet(ctx context.Context, seen gather.Observed, name string, replicas int32) error {
	rs := seen.Sets[name]
	if rs == nil {
		return fmt.Errorf("%w: there is no ReplicaSet %q", objects.ErrStale, name)
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": rs.ResourceVersion},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return fmt.Errorf("encode replicas: %w", err)
	}
	target := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: rs.Namespace, Name: name}}
	err = e.Writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))
	if _, refused := refusal.Now(err); refused && replicas == 0 {
		return e.deleteSet(ctx, seen, name) // admission that minds its template keeps nobody from ending it
	}
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%w: ReplicaSet %q is gone", objects.ErrStale, name)
	}
	if err != nil {
		return fmt.Errorf("scale ReplicaSet %q: %w", name, err)
	}
	ctrl.LoggerFrom(ctx).Info("pods scaled", "replicaSet", name, "replicas", replicas)
	return nil
}

func (e *Executor) deleteSet(ctx context.Context, seen gather.Observed, name string) error {
	rs := seen.Sets[name]
	if rs == nil {
		return nil
	}
	uid := rs.UID
	target := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: rs.Namespace, Name: name}}
	err := e.Writer.Delete(ctx, target, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete ReplicaSet %q: %w", name, err)
	}
	return nil
}
