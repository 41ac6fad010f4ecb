package deployment

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
)

// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryplans,verbs=get

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

// annotationsOfPlan are the annotations that the plan of the Deployment names. Plans are
// read from the API server: one may come in the same file as the update.
func (h *Handler) annotationsOfPlan(ctx context.Context, r *request) ([]string, error) {
	own := map[string]string{}
	for key, value := range r.New.Annotations() {
		own[key], _ = value.(string)
	}
	name := plan.NameFor(own, r.demands.Annotations)
	if name == "" || h.Plans == nil {
		return nil, nil
	}
	var found v1alpha1.CanaryPlan
	err := h.Plans.Get(ctx, types.NamespacedName{Namespace: r.namespace, Name: name}, &found)
	switch {
	case err == nil:
		return found.Spec.HeldAnnotations, nil
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("read CanaryPlan %q: %w", name, err)
	}
	if spec, _ := r.demands.Offered(name); spec != nil {
		return spec.HeldAnnotations, nil
	}
	return nil, nil
}
