package evaluator

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/load"
)

// resolvePlan finds the plan of a Deployment. Where nothing is guarded any more
// the plan does not matter, and none that is missing may keep the update from
// being let through.
//
// Plans are asked of the API server itself: a cache may be behind (a plan applied
// together with the update), or empty while it lists anew because the
// CustomResourceDefinition was changed. A run takes its plan for good, so it must
// not take the built-in one for want of a second.
func (r *deploymentReconciler) resolvePlan(ctx context.Context, d deployment) (plan.Resolved, error) {
	ns, err := r.objects.getNamespace(ctx, d.GetNamespace())
	if err != nil {
		return plan.Resolved{}, err
	}
	if !guard.Guarded(ns.Annotations, ns.Labels, d.GetAnnotations()) {
		return plan.BuiltIn(), nil
	}
	demands, err := r.objects.demandsOn(ctx, ns.Labels)
	if err != nil {
		return plan.Resolved{}, err
	}
	annotations, err := r.objects.planAnnotationsOf(ctx, d)
	if err != nil {
		return plan.Resolved{}, err
	}
	found, err := load.Find(ctx, r.objects.live, d.GetNamespace(), plan.NameFor(annotations, ns.Annotations), demands)
	if err != nil {
		return plan.Resolved{}, err
	}
	return plan.Resolve(annotations, ns.Annotations, found).Within(demands, d.replicas()), nil
}

// newPlan is a CanaryPlan of which the name is known only. Plans are watched as
// such and read from the API server when a run needs one, which is once: a
// namespace may have thousands, of a megabyte each.
func newPlan() *metav1.PartialObjectMetadata {
	p := &metav1.PartialObjectMetadata{}
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryPlan"))
	return p
}

// gatherPlan finds the plan that a run of a user names, until it has its copy.
func (g *gatherer) gatherPlan(ctx context.Context, seen *observed) error {
	name := seen.run.Spec.PlanRef
	if name == "" || seen.run.Status.Plan != nil {
		return nil
	}
	ns, err := g.objects.getNamespace(ctx, seen.run.Namespace)
	if err != nil {
		return err
	}
	demands, err := g.objects.demandsOn(ctx, ns.Labels)
	if err != nil {
		return err
	}
	found, err := load.Find(ctx, g.objects.live, seen.run.Namespace, name, demands)
	if err != nil {
		return err
	}
	seen.Ref = plan.ResolveRef(name, found).Within(demands, seen.Deployment.Replicas)
	return nil
}
