// Package demandtest has policies for the tests of the entries.
package demandtest

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Cache is a cache with a namespace and policies, or one that cannot be read.
type Cache struct {
	client.Reader
	Labels, Annotations map[string]string
	Policies            []v1alpha1.CanaryPolicy
	Err                 error
}

// Get implements client.Reader.
func (c Cache) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	object.SetName(key.Name)
	object.SetLabels(c.Labels)
	object.SetAnnotations(c.Annotations)
	return c.Err
}

// List implements client.Reader.
func (c Cache) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*v1alpha1.CanaryPolicyList).Items = c.Policies
	return c.Err
}

// Strict is a policy for all namespaces.
func Strict(change func(*v1alpha1.CanaryPolicySpec)) []v1alpha1.CanaryPolicy {
	p := v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "strict"}}
	p.Spec.Guard = v1alpha1.GuardRequired
	if change != nil {
		change(&p.Spec)
	}
	return []v1alpha1.CanaryPolicy{p}
}
