// Package objects reads what the evaluator goes by: from a cache that keeps of each object what is looked at
// again and again and no more, or from the API server itself. It knows a Deployment by its annotations and
// its held record.
package objects

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/policy/load"
)

// Reader reads objects: from the cache, where that has what is asked for, or from the API server itself.
type Reader struct {
	Cached client.Reader  // what is watched
	Live   listing.Lister // the API server itself
	Key    hold.Key       // opens what is sealed
}

// ErrStale is for a step that was planned from what is no longer so.
var ErrStale = errors.New("planned from a state that has changed")

// ConflictRetry is how long the cache gets to catch up after a write that was
// planned from an object that has changed.
const ConflictRetry = 200 * time.Millisecond

// Deployment reads a Deployment from the cache.
func (r *Reader) Deployment(ctx context.Context, name types.NamespacedName) (Deployment, error) {
	d := Deployment{NewDeployment()}
	if err := r.Cached.Get(ctx, name, d.Unstructured); err != nil {
		return d, fmt.Errorf("read Deployment %q: %w", name, err)
	}
	return d, nil
}

// Namespace reads the metadata of a namespace.
func (r *Reader) Namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	ns := NewNamespace()
	if err := r.Cached.Get(ctx, types.NamespacedName{Name: name}, ns); err != nil {
		return nil, fmt.Errorf("read namespace %q: %w", name, err)
	}
	return ns, nil
}

// StableTemplate reads the template that a Deployment runs, which the cache
// does not keep.
func (r *Reader) StableTemplate(ctx context.Context, d Deployment) (hold.Template, error) {
	live := NewDeployment()
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(d), live); err != nil {
		return nil, fmt.Errorf("read template of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	template, _, err := unstructured.NestedMap(live.Object, "spec", "template")
	if err != nil {
		return nil, fmt.Errorf("template of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return template, nil
}

// Runs lists the runs of a Deployment.
func (r *Reader) Runs(ctx context.Context, d Deployment) ([]v1alpha1.CanaryRun, error) {
	var list v1alpha1.CanaryRunList
	if err := r.listRuns(ctx, &list, client.ObjectKeyFromObject(d)); err != nil {
		return nil, err
	}
	var out []v1alpha1.CanaryRun
	for _, run := range list.Items {
		if run.Spec.Deployment == d.GetName() && d.Owns(&run) {
			out = append(out, run)
		}
	}
	return out, nil
}

func (r *Reader) listRuns(ctx context.Context, list *v1alpha1.CanaryRunList, deployment types.NamespacedName) error {
	return r.Cached.List(ctx, list, OfDeployment(deployment.Namespace, deployment.Name))
}

// DemandsIn is what policies demand of a namespace.
func (r *Reader) DemandsIn(ctx context.Context, namespace string) (policy.Effective, error) {
	ns, err := r.Namespace(ctx, namespace)
	if err != nil {
		return policy.Effective{}, err
	}
	return r.Demands(ctx, ns.Labels)
}

// Demands is what CanaryPolicies demand of a namespace with these labels.
func (r *Reader) Demands(ctx context.Context, namespace map[string]string) (policy.Effective, error) {
	return load.ForNamespace(ctx, r.Cached, namespace)
}

// PodKind is the kind of pods.
var PodKind = corev1.SchemeGroupVersion.WithKind("Pod")
