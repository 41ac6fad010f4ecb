package objects

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/load"
)

// ResolvePlan finds the plan of a Deployment. Where nothing is guarded any more
// the plan does not matter, and none that is missing may keep the update from
// being let through.
//
// Plans, and the namespace that may name one, are asked of the API server itself: a
// cache may be behind (a plan or an annotation applied together with the update), or
// empty while it lists anew because the CustomResourceDefinition was changed. A run
// takes its plan for good, so it must not take another one for want of a second.
func (r *Reader) ResolvePlan(ctx context.Context, d Deployment) (plan.Resolved, error) {
	ns := NewNamespace()
	if err := r.Live.Get(ctx, types.NamespacedName{Name: d.GetNamespace()}, ns); err != nil {
		return plan.Resolved{}, fmt.Errorf("read namespace %q: %w", d.GetNamespace(), err)
	}
	if !guard.Guarded(ns.Annotations, ns.Labels, d.GetAnnotations()) {
		return plan.BuiltIn(), nil
	}
	demands, err := r.Demands(ctx, ns.Labels)
	if err != nil {
		return plan.Resolved{}, err
	}
	annotations, err := r.PlanAnnotations(ctx, d)
	if err != nil {
		return plan.Resolved{}, err
	}
	found, err := load.Find(ctx, r.Live, d.GetNamespace(), plan.NameFor(annotations, ns.Annotations), demands)
	if err != nil {
		return plan.Resolved{}, err
	}
	return plan.Resolve(annotations, ns.Annotations, found).Within(demands, d.Replicas()), nil
}
