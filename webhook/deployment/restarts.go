package deployment

import (
	"context"
	"slices"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/webhook/demand"
)

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
