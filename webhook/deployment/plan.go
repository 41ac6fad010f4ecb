package deployment

import (
	"context"
	"slices"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/load"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/demand"
)

// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryplans,verbs=get

// findPlan finds the plan of a Deployment as the evaluator will, without what is no plan to go by. It is read
// from the API server, as is the namespace where that may name it: both may come in the same file as the
// update.
func (h *Handler) findPlan(ctx context.Context, namespace string, d demand.Demands, of workload.Deployment) (plan.Found, error) {
	if h.Plans == nil {
		return plan.Found{}, nil
	}
	annotations := planAnnotations(of)
	annotations[v1alpha1.PlanAnnotation] = of.Annotation(v1alpha1.PlanAnnotation)
	name := plan.NameFor(annotations, d.NamespaceAnnotations)
	find := func() (f foundPlan) {
		f.Found, f.err = load.Find(ctx, h.Plans, namespace, name, d.Effective)
		return f
	}
	if annotations[v1alpha1.PlanAnnotation] != "" {
		f := find()
		return f.Found, f.err
	}
	asKnown := aside(find)
	now, err := h.Policies.AnnotationsNow(ctx, namespace, d.NamespaceAnnotations)
	if err != nil {
		return plan.Found{}, err
	}
	if renamed := plan.NameFor(annotations, now); renamed != name {
		return load.Find(ctx, h.Plans, namespace, renamed, d.Effective)
	}
	f := asKnown()
	return f.Found, f.err
}

// foundPlan is what came of looking for a plan.
type foundPlan struct {
	plan.Found
	err error
}

// namedBeside is what stands beside a template that is held, or was rejected, with what the plan names too.
// What a hold has begun to hold it goes on holding. A plan that cannot be read keeps no update from being
// held; unread says why it cannot.
func (h *Handler) namedBeside(ctx context.Context, r *request, w wanted) (_ beside, unread, err error) {
	named, unread := h.annotationsOfPlan(ctx, r)
	keys := hold.BesideKeys(append(named, w.beside.keys...))
	if len(keys) == len(w.beside.keys) {
		return w.beside, unread, nil
	}
	b, err := r.findBeside(w, keys)
	return b, unread, err
}

// annotationsOfPlan are the annotations that the plan of the Deployment names.
func (h *Handler) annotationsOfPlan(ctx context.Context, r *request) ([]string, error) {
	found := r.found
	if !r.planKnown {
		var err error
		if found, err = h.findPlan(ctx, r.namespace, r.demands, r.New); err != nil {
			return nil, err
		}
	}
	if found.Spec == nil {
		return nil, nil
	}
	return found.Spec.HeldAnnotations, nil
}

// marksFor are the marks of a restart that count for a Deployment: where a policy names
// marks, those; else those that are known, and those that Holdfast's administrator
// names. What a plan names counts beside the latter where no policy guards: its author may
// be who would go without a canary. A plan that a policy offers is the policy's.
func (h *Handler) marksFor(d demand.Demands, found plan.Found) hold.Marks {
	marks, demanded := d.RestartMarks(slices.Concat(hold.KnownMarks, h.RestartMarks))
	if found.Spec != nil && !demanded && (!d.Guarded() || found.Offered) {
		marks = append(marks, found.Spec.RestartMarks...)
	}
	return marks
}

// planFor finds the plan of a Deployment, for a request that brings another template. One that
// cannot be read says nothing: what would be a restart by it is held, and what would wait supersedes.
func (h *Handler) planFor(ctx context.Context, namespace string, d demand.Demands, u update) (found plan.Found, known bool) {
	found, err := h.findPlan(ctx, namespace, d, u.New)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "plan not read, its restartMarks and newUpdates do not count for this update")
	}
	return found, err == nil
}
