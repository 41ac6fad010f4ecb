package webhook

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/policy/load"
)

// +kubebuilder:rbac:groups=holdfast.dev,resources=canarypolicies,verbs=get;list;watch

// Policies finds what CanaryPolicies demand of a namespace. Reader is a cache:
// what it has not seen yet lets nobody out, for the label that was derived from a
// policy counts by itself. There are no policies where it is nil.
type Policies struct {
	Reader client.Reader
	// Live reads at the API server. It is asked for a namespace that the cache does
	// not have yet, because it came in the same file as what is asked about.
	Live client.Reader
}

// demands are those of a namespace.
type demands struct {
	policy.Effective
	// guard is how policies guard the namespace, "" if none does; by says which.
	guard v1alpha1.Guard
	by    string
}

// guarded says whether a policy guards the namespace, whatever its Deployments say.
func (d demands) guarded() bool { return d.guard != "" }

// ForNamespace is what they demand of a namespace now.
func (p Policies) ForNamespace(ctx context.Context, namespace string) (demands, error) {
	if p.Reader == nil {
		return demands{}, nil
	}
	ns := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
	err := p.Reader.Get(ctx, types.NamespacedName{Name: namespace}, ns)
	if apierrors.IsNotFound(err) && p.Live != nil {
		err = p.Live.Get(ctx, types.NamespacedName{Name: namespace}, ns)
	}
	if err != nil {
		return demands{}, fmt.Errorf("read namespace %q: %w", namespace, err)
	}
	effective, err := load.ForNamespace(ctx, p.Reader, ns.Labels)
	if err != nil {
		return demands{}, err
	}
	d := demands{Effective: effective}
	d.guard, d.by = d.GuardOf(ns.Labels)
	return d, nil
}

// warnDisabledInVain is for a Deployment that opts out where it cannot.
func warnDisabledInVain(by string) string {
	return fmt.Sprintf("annotation %s=%s counts for nothing here: %s has every Deployment of the namespace guarded",
		v1alpha1.CanaryAnnotation, v1alpha1.CanaryDisabled, by)
}

// disabledInVain warns of it.
func (d demands) disabledInVain(u update) []string {
	if !d.guarded() || u.new.Annotation(v1alpha1.CanaryAnnotation) != v1alpha1.CanaryDisabled {
		return nil
	}
	return []string{warning(warnDisabledInVain(d.by))}
}
