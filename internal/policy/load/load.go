// Package load reads the CanaryPolicies of a cluster.
package load

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
)

// All are the policies of the cluster.
func All(ctx context.Context, reader client.Reader) ([]v1alpha1.CanaryPolicy, error) {
	var list v1alpha1.CanaryPolicyList
	if err := reader.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list CanaryPolicies: %w", err)
	}
	return list.Items, nil
}

// ForNamespace is what they demand of a namespace with these labels.
func ForNamespace(ctx context.Context, reader client.Reader, labels map[string]string) (policy.Effective, error) {
	all, err := All(ctx, reader)
	if err != nil {
		return policy.Effective{}, err
	}
	return policy.ForNamespace(all, labels), nil
}
