package evaluator

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/plan"
)

// resolvePlan finds the plan of a Deployment. Where nothing is guarded any more
// the plan does not matter, and none that is missing may keep the update from
// being let through.
//
// Plans are asked of the API server itself: a cache may be behind (a plan applied
// together with the update), or empty while it lists anew because the
// CustomResourceDefinition was changed. A run takes its plan for good, so it must
// not take the built-in one for want of a second.
func (e *evaluator) resolvePlan(ctx context.Context, d deployment) (plan.Resolved, error) {
	ns, err := e.getNamespace(ctx, d.GetNamespace())
	if err != nil {
		return plan.Resolved{}, err
	}
	if !plan.Guarded(ns.Annotations, ns.Labels, d.GetAnnotations()) {
		return plan.BuiltIn(), nil
	}
	demands, err := e.demandsOn(ctx, ns.Labels)
	if err != nil {
		return plan.Resolved{}, err
	}
	annotations, err := e.planAnnotationsOf(ctx, d)
	if err != nil {
		return plan.Resolved{}, err
	}
	own := e.plansOf(ctx, d.GetNamespace())
	resolved := plan.Resolve(annotations, ns.Annotations, finder(own.byName, demands)).Within(demands, d.replicas())
	return resolved, own.err
}

// newPlan is a CanaryPlan of which the name is known only. Plans are watched as
// such and read from the API server when a run needs one, which is once: a
// namespace may have thousands, of a megabyte each.
func newPlan() *metav1.PartialObjectMetadata {
	p := &metav1.PartialObjectMetadata{}
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryPlan"))
	return p
}

// plans finds the CanaryPlans of a namespace by name. err is the first error on the way.
type plans struct {
	ctx       context.Context // package plan, which asks, is pure
	from      client.Reader
	namespace string
	err       error
}

func (e *evaluator) plansOf(ctx context.Context, namespace string) *plans {
	return &plans{ctx: ctx, from: e.live, namespace: namespace}
}

// byName is nil for a plan that is not there.
func (p *plans) byName(name string) *v1alpha1.CanaryPlanSpec {
	var found v1alpha1.CanaryPlan
	err := p.from.Get(p.ctx, client.ObjectKey{Namespace: p.namespace, Name: name}, &found)
	switch {
	case err == nil:
		return &found.Spec
	case !apierrors.IsNotFound(err) && p.err == nil:
		p.err = fmt.Errorf("read CanaryPlan %q: %w", name, err)
	}
	return nil
}

// gatherPlan finds the plan that a run of a user names, until it has its copy.
func (e *evaluator) gatherPlan(ctx context.Context, seen *observed) error {
	name := seen.run.Spec.PlanRef
	if name == "" || seen.run.Status.Plan != nil {
		return nil
	}
	ns, err := e.getNamespace(ctx, seen.run.Namespace)
	if err != nil {
		return err
	}
	demands, err := e.demandsOn(ctx, ns.Labels)
	if err != nil {
		return err
	}
	own := e.plansOf(ctx, seen.run.Namespace)
	seen.Ref = plan.ResolveRef(name, finder(own.byName, demands)).Within(demands, seen.Deployment.Replicas)
	return own.err
}
