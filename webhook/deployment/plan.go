package deployment

import (
	"context"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/load"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/demand"
)

// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryplans,verbs=get

// findPlan finds the plan of a Deployment as the evaluator will, without what is no plan to go by. It is read
// from the API server, as is the namespace where that may name it: both may come in the same file as the update.
func (h *Handler) findPlan(ctx context.Context, namespace string, d demand.Demands, of workload.Deployment) (plan.Found, error) {
	if h.Plans == nil {
		return plan.Found{}, nil
	}
	annotations := planAnnotations(of)
	annotations[v1alpha1.PlanAnnotation] = of.Annotation(v1alpha1.PlanAnnotation)
	ofNamespace := d.NamespaceAnnotations
	if annotations[v1alpha1.PlanAnnotation] == "" {
		var err error
		if ofNamespace, err = h.Policies.AnnotationsNow(ctx, namespace, ofNamespace); err != nil {
			return plan.Found{}, err
		}
	}
	return load.Find(ctx, h.Plans, namespace, plan.NameFor(annotations, ofNamespace), d.Effective)
}

// namedBeside adds what the plan names to what stands beside a template that is held, or
// was rejected. What a hold has begun to hold it goes on holding. A plan that cannot be read
// keeps no update from being held.
func (h *Handler) namedBeside(ctx context.Context, r *request, w *wanted, a *amendment) error {
	named, err := h.annotationsOfPlan(ctx, r)
	if err != nil {
		a.warn(warnPlanUnread(err))
	}
	keys := hold.BesideKeys(append(named, w.beside.keys...))
	if len(keys) == len(w.beside.keys) {
		return nil
	}
	w.beside, err = r.findBeside(*w, keys)
	return err
}

// annotationsOfPlan are the annotations that the plan of the Deployment names.
func (h *Handler) annotationsOfPlan(ctx context.Context, r *request) ([]string, error) {
	if r.plan != nil {
		return r.plan.HeldAnnotations, nil
	}
	found, err := h.findPlan(ctx, r.namespace, r.demands, r.New)
	if err != nil || found.Spec == nil {
		return nil, err
	}
	return found.Spec.HeldAnnotations, nil
}
