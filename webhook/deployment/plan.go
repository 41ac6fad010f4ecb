package deployment

import (
	"context"

	"holdfast.dev/holdfast/internal/hold"
)

// namedBeside adds what the plan names to what stands beside a template that is held, or
// was rejected. What a hold has begun to hold it goes on holding. A plan that cannot be read
// keeps no update from being held.
func (h *Handler) namedBeside(ctx context.Context, r *request, w *wanted, a *answer) error {
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
	found, err := h.findPlan(ctx, r.namespace, r.demands, r.update)
	if err != nil || found.Spec == nil {
		return nil, err
	}
	return found.Spec.HeldAnnotations, nil
}
