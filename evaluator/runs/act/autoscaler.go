package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/refusal"
	"holdfast.dev/holdfast/evaluator/runs/gather"
)

// RBAC gives Holdfast no right to make HorizontalPodAutoscalers but by manifests/components/autoscaling.

// errNoAutoscaler is for the autoscaler of a canary that cannot be made as things are. Nobody waits for it: a
// canary that is to be scaled and is not would be judged by a load that it was not meant to bear alone.
var errNoAutoscaler = errors.New("there is no autoscaler of the canary")

// noRightToAutoscale says that canaries have no autoscalers, and what to do.
const noRightToAutoscale = "Holdfast may not make HorizontalPodAutoscalers, as scale.hpa of the plan asks. Have your administrator install it " +
	"with autoscaling.enabled=true of the chart, or the component autoscaling; or take scale.hpa off the plan, and raise attempt of the run"

// autoscale makes the autoscaler of the canary, or what is there of it as the plan says.
func (e *Executor) autoscale(ctx context.Context, seen gather.Observed, a lifecycle.Autoscale) error {
	plan := lifecycle.HPAOf(seen.Snapshot)
	if plan == nil {
		return fmt.Errorf("%w: the plan has no autoscaler", objects.ErrStale)
	}
	wanted := canary.Autoscaler(seen.CanaryRun, seen.CanaryName(), *plan, a.Least, a.Most)
	for _, hpa := range seen.Autoscalers {
		if hpa.Name == wanted.Name {
			return e.changeAutoscaler(ctx, hpa, wanted.Spec)
		}
	}
	err := e.Writer.Create(ctx, wanted)
	if apierrors.IsAlreadyExists(err) {
		return e.checkAutoscaler(ctx, seen, wanted.Name)
	}
	if err == nil {
		ctrl.LoggerFrom(ctx).Info("autoscaler created", "autoscaler", wanted.Name, "minReplicas", a.Least, "maxReplicas", a.Most)
	}
	return refusedAutoscaler(err, "create", wanted.Name)
}

// changeAutoscaler gives an autoscaler its spec.
func (e *Executor) changeAutoscaler(ctx context.Context, hpa autoscalingv2.HorizontalPodAutoscaler, spec autoscalingv2.HorizontalPodAutoscalerSpec) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": hpa.ResourceVersion}, "spec": spec})
	if err != nil {
		return fmt.Errorf("encode the spec of an autoscaler: %w", err)
	}
	target := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: hpa.Namespace, Name: hpa.Name}}
	err = e.Writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) { // its controller writes it too
		return fmt.Errorf("%w: HorizontalPodAutoscaler %q has changed", objects.ErrStale, hpa.Name)
	}
	return refusedAutoscaler(err, "change", hpa.Name)
}

// refusedAutoscaler is the last word on an autoscaler that the API server does not take, be it for want of a
// right or of a place in a quota.
func refusedAutoscaler(err error, verb, name string) error {
	if err == nil {
		return nil
	}
	message, refused := refusal.Now(err)
	_, final := refusal.Final(err)
	_, full := refusal.ByQuota(err)
	switch {
	case refused && (final || full):
		return fmt.Errorf("%w: %s", errNoAutoscaler, message)
	case refused && apierrors.IsForbidden(err) && !apierrors.HasStatusCause(err, "NamespaceTerminating"):
		return fmt.Errorf("%w: %s", errNoAutoscaler, noRightToAutoscale)
	}
	return fmt.Errorf("%s HorizontalPodAutoscaler %q: %w", verb, name, err)
}

// checkAutoscaler looks whose the autoscaler is that has the name of one to be made: this run's, which the
// next look finds; one that a run of the same name has left; or somebody else's.
func (e *Executor) checkAutoscaler(ctx context.Context, seen gather.Observed, name string) error {
	found, err := e.Objects.AutoscalersOf(ctx, seen.CanaryRun.Namespace, seen.CanaryRun.Name)
	if err != nil {
		return err
	}
	for _, hpa := range found {
		switch owner := metav1.GetControllerOf(&hpa); {
		case hpa.Name != name:
			continue
		case owner == nil:
			if err := e.deleteAutoscaler(ctx, hpa); err != nil {
				return err
			}
		case owner.UID != seen.CanaryRun.UID && owner.Kind != "CanaryRun":
			continue
		}
		return fmt.Errorf("%w: HorizontalPodAutoscaler %q is there already", objects.ErrStale, name)
	}
	return fmt.Errorf("%w: a HorizontalPodAutoscaler of the name %s belongs to something else; rename or delete it", errNoAutoscaler, name)
}

func (e *Executor) stopAutoscaling(ctx context.Context, seen gather.Observed, name string) error {
	for _, hpa := range seen.Autoscalers {
		if hpa.Name == name {
			return e.deleteAutoscaler(ctx, hpa)
		}
	}
	return nil
}

func (e *Executor) deleteAutoscaler(ctx context.Context, hpa autoscalingv2.HorizontalPodAutoscaler) error {
	if hpa.DeletionTimestamp != nil {
		return nil
	}
	uid := hpa.UID
	target := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: hpa.Namespace, Name: hpa.Name}}
	err := e.Writer.Delete(ctx, target, client.Preconditions{UID: &uid})
	if message, refused := refusal.Now(err); refused { // one without pods scales nothing, and goes with its run
		ctrl.LoggerFrom(ctx).Info("an autoscaler cannot be deleted", "autoscaler", hpa.Name, "why", message)
		return nil
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete HorizontalPodAutoscaler %q: %w", hpa.Name, err)
	}
	return nil
}

// StopAutoscalingOfGone deletes the autoscalers of a run that is gone which garbage collection does not: who
// orphaned them has orphaned its ReplicaSets too, and those are in the cache.
func (e *Executor) StopAutoscalingOfGone(ctx context.Context, name types.NamespacedName) error {
	var sets appsv1.ReplicaSetList
	if err := e.Objects.Cached.List(ctx, &sets, objects.OfRun(name.Namespace, name.Name)); err != nil {
		return fmt.Errorf("list ReplicaSets of run %q, which is gone: %w", name.Name, err)
	}
	if len(sets.Items) == 0 {
		return nil
	}
	found, err := e.Objects.AutoscalersOf(ctx, name.Namespace, name.Name)
	if err != nil {
		return err
	}
	for _, hpa := range found {
		if metav1.GetControllerOf(&hpa) != nil { // which is collected
			continue
		}
		if err := e.deleteAutoscaler(ctx, hpa); err != nil {
			return err
		}
	}
	return nil
}
