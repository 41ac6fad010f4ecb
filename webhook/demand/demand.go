// Package demand finds what CanaryPolicies demand of the namespace of a request.
package demand

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
	// not have yet, or not as it is, because it came in the same file as what is asked about.
	Live client.Reader
}

// Demands are those on a namespace.
type Demands struct {
	policy.Effective
	// Guard is how policies guard the namespace, "" if none does.
	Guard v1alpha1.Guard
	// GuardedBy says which policy, or what is left of one, guards it.
	GuardedBy string
	// NamespaceAnnotations and NamespaceLabels are those of the namespace.
	NamespaceAnnotations, NamespaceLabels map[string]string
}

// Guarded says whether a policy guards the namespace, whatever its Deployments say.
func (d Demands) Guarded() bool { return d.Guard != "" }

// AnnotationsNow are the annotations of a namespace as they are at the API server: what they name counts for
// what comes in the same file. Without one they are as known.
func (p Policies) AnnotationsNow(ctx context.Context, namespace string, known map[string]string) (map[string]string, error) {
	if p.Live == nil {
		return known, nil
	}
	ns := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
	if err := p.Live.Get(ctx, types.NamespacedName{Name: namespace}, ns); err != nil {
		return nil, fmt.Errorf("read namespace %q: %w", namespace, err)
	}
	return ns.Annotations, nil
}

// ForNamespace is what they demand of a namespace now.
func (p Policies) ForNamespace(ctx context.Context, namespace string) (Demands, error) {
	if p.Reader == nil {
		return Demands{}, nil
	}
	ns := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
	err := p.Reader.Get(ctx, types.NamespacedName{Name: namespace}, ns)
	if apierrors.IsNotFound(err) && p.Live != nil {
		err = p.Live.Get(ctx, types.NamespacedName{Name: namespace}, ns)
	}
	if err != nil {
		return Demands{}, fmt.Errorf("read namespace %q: %w", namespace, err)
	}
	effective, err := load.ForNamespace(ctx, p.Reader, ns.Labels)
	if err != nil {
		return Demands{}, err
	}
	d := Demands{Effective: effective, NamespaceAnnotations: ns.Annotations, NamespaceLabels: ns.Labels}
	d.Guard, d.GuardedBy = d.GuardOf(ns.Labels)
	return d, nil
}
