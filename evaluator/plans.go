package evaluator

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/plan"
)

// resolvePlan finds the plan of a Deployment. Where nothing is guarded any more
// the plan does not matter, and none that is missing may keep the update from
// being let through.
func (e *evaluator) resolvePlan(ctx context.Context, d deployment) (plan.Resolved, error) {
	ns, err := e.getNamespace(ctx, d.GetNamespace())
	if err != nil {
		return plan.Resolved{}, err
	}
	if !plan.Guarded(ns.Annotations, ns.Labels, d.GetAnnotations()) {
		return plan.BuiltIn(), nil
	}
	own, err := e.plansOf(ctx, d.GetNamespace())
	if err != nil {
		return plan.Resolved{}, err
	}
	demands, err := e.demandsOn(ctx, ns.Labels)
	if err != nil {
		return plan.Resolved{}, err
	}
	return plan.Resolve(d.GetAnnotations(), ns.Annotations, finder(own, demands)).Within(demands, d.replicas()), nil
}

// plansOf finds the CanaryPlans of a namespace by name; nil for one that is not there.
func (e *evaluator) plansOf(ctx context.Context, namespace string) (func(name string) *v1alpha1.CanaryPlanSpec, error) {
	var list v1alpha1.CanaryPlanList
	if err := e.cached.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list CanaryPlans: %w", err)
	}
	return func(name string) *v1alpha1.CanaryPlanSpec {
		for i := range list.Items {
			if list.Items[i].Name == name {
				return &list.Items[i].Spec
			}
		}
		return nil
	}, nil
}

// gatherPlan finds the plan that a run of a user names, until it has its copy.
func (e *evaluator) gatherPlan(ctx context.Context, seen *observed) error {
	name := seen.run.Spec.PlanRef
	if name == "" || seen.run.Status.Plan != nil {
		return nil
	}
	own, err := e.plansOf(ctx, seen.run.Namespace)
	if err != nil {
		return err
	}
	ns, err := e.getNamespace(ctx, seen.run.Namespace)
	if err != nil {
		return err
	}
	demands, err := e.demandsOn(ctx, ns.Labels)
	if err != nil {
		return err
	}
	seen.Ref = plan.ResolveRef(name, finder(own, demands)).Within(demands, seen.Deployment.Replicas)
	return nil
}
