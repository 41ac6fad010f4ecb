// Package load reads CanaryPlans, for webhook and evaluator.
package load

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/policy"
)

// Find reads the plan of a name: of the namespace, or else what policies offer. There is none where the name
// is "", and no CanaryPlan where no object can have the name: a client would not even ask for it, and its
// error would be taken for an outage.
func Find(ctx context.Context, reader client.Reader, namespace, name string, demands policy.Effective) (plan.Found, error) {
	if name == "" {
		return plan.Found{}, nil
	}
	if plan.CheckName(name) == "" {
		var own v1alpha1.CanaryPlan
		err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &own)
		if err == nil {
			return plan.Found{Spec: &own.Spec, Source: "CanaryPlan " + name}, nil
		}
		if !apierrors.IsNotFound(err) {
			return plan.Found{}, fmt.Errorf("read CanaryPlan %q: %w", name, err)
		}
	}
	if spec, by := demands.Offered(name); spec != nil {
		return plan.Found{Spec: spec, Source: fmt.Sprintf("plan %s of CanaryPolicy %s", name, by), Offered: true}, nil
	}
	return plan.Found{}, nil
}
