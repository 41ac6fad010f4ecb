package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/refusal"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
)

// A ReplicaSet of a run selects its pods by Holdfast's labels alone. So those of the template can be taken
// off a pod, and with them the pod off Services, budgets and autoscalers, and it stays one of the ReplicaSet.

// quarantine takes the labels of its template off a pod, or where its ReplicaSet is gone all but Holdfast's.
func (e *Executor) quarantine(ctx context.Context, seen gather.Observed, pod lifecycle.KeptPod) ([]lifecycle.Transition, error) {
	if pod.Why == "" {
		return nil, e.labelPod(ctx, seen.CanaryRun.Namespace, pod, nil)
	}
	template, err := e.templateLabels(ctx, seen, pod.Role)
	if template == nil || err != nil {
		return nil, err
	}
	err = e.labelPod(ctx, seen.CanaryRun.Namespace, pod, off(template))
	if err == nil {
		err = e.haveCounted(ctx, seen)
	}
	if err == nil { // the last of it: until then it is done again
		err = e.labelPod(ctx, seen.CanaryRun.Namespace, pod, map[string]any{v1alpha1.QuarantineLabel: "true"})
	}
	return toldOfLabels(err, pod, tell.Quarantined(seen.CanaryRun.Name, pod))
}

// haveCounted has the disruption controller count the pods of the application anew. It does so when a pod
// changes that a budget selects, and not when one is no longer selected: so a pod of the Deployment is
// touched.
func (e *Executor) haveCounted(ctx context.Context, seen gather.Observed) error {
	if !seen.Deployment.Exists {
		return nil
	}
	selector, err := e.Objects.ParsedSelector(ctx, seen.DeploymentObject)
	if err != nil {
		return err
	}
	stable, err := labels.NewRequirement(v1alpha1.RunLabel, selection.DoesNotExist, nil)
	if err != nil {
		return fmt.Errorf("select stable pods: %w", err)
	}
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	if err := e.Objects.Live.List(ctx, &list, client.InNamespace(seen.CanaryRun.Namespace), client.Limit(1),
		client.MatchingLabelsSelector{Selector: selector.Add(*stable)}); err != nil {
		return fmt.Errorf("find a stable pod: %w", err)
	}
	if len(list.Items) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		v1alpha1.CountedAnnotation: seen.Now.UTC().Format(time.RFC3339Nano),
	}}})
	if err != nil {
		return fmt.Errorf("encode an annotation: %w", err)
	}
	target := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: seen.CanaryRun.Namespace, Name: list.Items[0].Name}}
	err = e.Writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))
	switch message, refused := refusal.Now(err); {
	case refused:
		ctrl.LoggerFrom(ctx).Info("budgets are counted anew when another pod changes", "pod", target.Name, "why", message)
		return nil
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: a stable pod is gone", objects.ErrStale)
	case err != nil:
		return fmt.Errorf("touch pod %q: %w", target.Name, err)
	}
	return nil
}

// readmit gives a pod the labels of its template back.
func (e *Executor) readmit(ctx context.Context, seen gather.Observed, pod lifecycle.KeptPod) ([]lifecycle.Transition, error) {
	template, err := e.templateLabels(ctx, seen, pod.Role)
	if template == nil || err != nil {
		return nil, err
	}
	change := map[string]any{v1alpha1.QuarantineLabel: nil}
	for key := range off(template) {
		change[key] = template[key]
	}
	return toldOfLabels(e.labelPod(ctx, seen.CanaryRun.Namespace, pod, change), pod, tell.Readmitted(pod))
}

// errNotLabeled is for a pod whose labels the API server does not let go.
var errNotLabeled = errors.New("the labels of a pod cannot be changed")

// toldOfLabels is what is told of a pod whose labels were changed, or could not be: that keeps nobody from
// going on.
func toldOfLabels(err error, pod lifecycle.KeptPod, changed lifecycle.Transition) ([]lifecycle.Transition, error) {
	if errors.Is(err, errNotLabeled) {
		return []lifecycle.Transition{tell.NotQuarantined(pod, err.Error())}, nil
	}
	return toldIf(err == nil, changed), err
}

// off takes labels off a pod, but for those by which its run knows it, and by which people find it.
func off(given map[string]string) map[string]any {
	out := map[string]any{}
	for key, value := range given {
		if !slices.Contains(v1alpha1.ReservedPodLabels, key) && (key != v1alpha1.CanaryPodLabel || value != "true") {
			out[key] = nil
		}
	}
	return out
}

// templateLabels are those of the template of a ReplicaSet of a run, which the cache does not have; nil where
// it is gone.
func (e *Executor) templateLabels(ctx context.Context, seen gather.Observed, role string) (map[string]string, error) {
	name := seen.CanaryName()
	if role == v1alpha1.RoleBaseline {
		name = seen.BaselineName()
	}
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
	if err := e.Objects.Live.Get(ctx, client.ObjectKey{Namespace: seen.CanaryRun.Namespace, Name: name}, live); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("read template of ReplicaSet %q: %w", name, err)
	}
	out, _, err := unstructured.NestedStringMap(live.Object, "spec", "template", "metadata", "labels")
	if err != nil {
		return nil, fmt.Errorf("labels of the template of ReplicaSet %q: %w", name, err)
	}
	return out, nil
}

// labelPod changes labels of a pod; without a change it takes off all but Holdfast's.
func (e *Executor) labelPod(ctx context.Context, namespace string, pod lifecycle.KeptPod, change map[string]any) error {
	if change == nil {
		live, err := e.Objects.Metadata(ctx, objects.PodKind, &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod.Name}})
		if err != nil {
			return client.IgnoreNotFound(err)
		}
		change = off(live.Labels)
		change[v1alpha1.QuarantineLabel] = "true"
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID, "labels": change}})
	if err != nil {
		return fmt.Errorf("encode labels: %w", err)
	}
	target := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod.Name}}
	err = e.Writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))
	switch message, refused := refusal.Now(err); {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err): // gone, or another one of the name
		return nil
	case refused:
		ctrl.LoggerFrom(ctx).Info("the labels of a pod cannot be changed", "pod", pod.Name, "why", message)
		return fmt.Errorf("%w: %s", errNotLabeled, message)
	}
	return fmt.Errorf("change labels of pod %q: %w", pod.Name, err)
}
