package objects

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

// Labels are the labels of a pod or a Deployment that was read from the cache.
func (r *Reader) Labels(ctx context.Context, kind schema.GroupVersionKind, o client.Object) (map[string]string, error) {
	if _, large := o.GetLabels()[labelsNotKept]; !large {
		return o.GetLabels(), nil
	}
	live, err := r.Metadata(ctx, kind, o)
	if err != nil {
		return nil, err
	}
	return live.Labels, nil
}

// PlanAnnotations are the annotations of a Deployment, those that are a plan among them.
func (r *Reader) PlanAnnotations(ctx context.Context, d Deployment) (map[string]string, error) {
	if d.Annotation(planNotKept) == "" {
		return d.GetAnnotations(), nil
	}
	live, err := r.Metadata(ctx, d.GroupVersionKind(), d)
	if err != nil {
		return nil, err
	}
	return live.Annotations, nil
}

// Metadata reads those of an object from the API server.
func (r *Reader) Metadata(ctx context.Context, kind schema.GroupVersionKind, o client.Object) (*metav1.PartialObjectMetadata, error) {
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(kind)
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(o), live); err != nil {
		return nil, fmt.Errorf("read metadata of %s %q: %w", kind.Kind, o.GetName(), err)
	}
	return live, nil
}

// Selector is the selector of a Deployment. Every one has one, and it never changes.
func (r *Reader) Selector(ctx context.Context, d Deployment) (*metav1.LabelSelector, error) {
	if _, kept, _ := unstructured.NestedFieldNoCopy(d.Object, "spec", "selector"); kept {
		return d.View().Selector()
	}
	live := Deployment{NewDeployment()}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(d), live.Unstructured); err != nil {
		return nil, fmt.Errorf("read selector of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return live.View().Selector()
}

// ParsedSelector is the selector of a Deployment, to match labels with.
func (r *Reader) ParsedSelector(ctx context.Context, d Deployment) (labels.Selector, error) {
	raw, err := r.Selector(ctx, d)
	if err != nil {
		return nil, err
	}
	selector, err := metav1.LabelSelectorAsSelector(raw)
	if err != nil {
		return nil, fmt.Errorf("selector of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return selector, nil
}
