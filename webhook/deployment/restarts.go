package deployment

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/webhook/demand"
)

// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryplans,verbs=get

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

// planFor finds the plan of a Deployment where a request brings another template. One that
// cannot be read says nothing: what would be a restart by it is held, and what would wait supersedes.
func (h *Handler) planFor(ctx context.Context, namespace string, d demand.Demands, u update) plan.Found {
	if reflect.DeepEqual(u.Old.Template(), u.New.Template()) {
		return plan.Found{}
	}
	found, err := h.findPlan(ctx, namespace, d, u)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "plan not read, its restartMarks and newUpdates do not count for this update")
	}
	return found
}

// findPlan finds the plan of a Deployment as the evaluator will, without what is no plan to go by.
func (h *Handler) findPlan(ctx context.Context, namespace string, d demand.Demands, u update) (plan.Found, error) {
	annotations := map[string]string{}
	for key, value := range u.New.Annotations() {
		annotations[key], _ = value.(string)
	}
	name := plan.NameFor(annotations, d.NamespaceAnnotations)
	if name == "" || h.Plans == nil {
		return plan.Found{}, nil
	}
	var own v1alpha1.CanaryPlan
	err := h.Plans.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &own)
	if err == nil {
		return plan.Found{Spec: &own.Spec}, nil
	}
	if !apierrors.IsNotFound(err) {
		return plan.Found{}, fmt.Errorf("read CanaryPlan %q: %w", name, err)
	}
	spec, _ := d.Offered(name)
	return plan.Found{Spec: spec, Offered: spec != nil}, nil
}
