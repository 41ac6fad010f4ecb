package evaluator

import (
	"context"
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What is too large to be kept in memory of each object is read from the API server
// when it is needed. A label and an annotation of the cached object say so. Whoever
// gives them to an object has it read when it need not be.
const (
	labelsNotKept = "labels-not-kept"
	planNotKept   = "plan-not-kept"
)

// labelsOrMark keeps the labels of an object, or those that Holdfast selects by and the
// mark that there are more: a plan may watch any label.
func labelsOrMark(labels map[string]string) map[string]string {
	if bytesOf(labels) <= maxLabels {
		return labels
	}
	out := map[string]string{labelsNotKept: ""}
	maps.Copy(out, pick(labels, v1alpha1.RunLabel, v1alpha1.RoleLabel, v1alpha1.HashLabel, v1alpha1.QuarantineLabel))
	return out
}

// labelsOf are the labels of a pod or a Deployment that was read from the cache.
func (r *reader) labelsOf(ctx context.Context, kind schema.GroupVersionKind, o client.Object) (map[string]string, error) {
	if _, large := o.GetLabels()[labelsNotKept]; !large {
		return o.GetLabels(), nil
	}
	live, err := r.metadataOf(ctx, kind, o)
	if err != nil {
		return nil, err
	}
	return live.Labels, nil
}

// planAnnotationsOf are the annotations of a Deployment, those that are a plan among them.
func (r *reader) planAnnotationsOf(ctx context.Context, d deployment) (map[string]string, error) {
	if d.annotation(planNotKept) == "" {
		return d.GetAnnotations(), nil
	}
	live, err := r.metadataOf(ctx, d.GroupVersionKind(), d)
	if err != nil {
		return nil, err
	}
	return live.Annotations, nil
}

func (r *reader) metadataOf(ctx context.Context, kind schema.GroupVersionKind, o client.Object) (*metav1.PartialObjectMetadata, error) {
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(kind)
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(o), live); err != nil {
		return nil, fmt.Errorf("read metadata of %s %q: %w", kind.Kind, o.GetName(), err)
	}
	return live, nil
}

// selectorOf is the selector of a Deployment. Every one has one, and it never changes.
func (r *reader) selectorOf(ctx context.Context, d deployment) (*metav1.LabelSelector, error) {
	if _, kept, _ := unstructured.NestedFieldNoCopy(d.Object, "spec", "selector"); kept {
		return d.view().Selector()
	}
	live := deployment{newDeployment()}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(d), live.Unstructured); err != nil {
		return nil, fmt.Errorf("read selector of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return live.view().Selector()
}

// parsedSelectorOf is the selector of a Deployment, to match labels with.
func (r *reader) parsedSelectorOf(ctx context.Context, d deployment) (labels.Selector, error) {
	raw, err := r.selectorOf(ctx, d)
	if err != nil {
		return nil, err
	}
	selector, err := metav1.LabelSelectorAsSelector(raw)
	if err != nil {
		return nil, fmt.Errorf("selector of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return selector, nil
}
