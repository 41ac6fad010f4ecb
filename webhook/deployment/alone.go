package deployment

import (
	"context"
	"fmt"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/demand"
)

// Strategy Recreate is how people say that two versions never run at once: one writer of a volume or a
// database, one scheduler without a lock, one licence. A canary would be the second.

// What is held already stays held where the strategy becomes Recreate: it may have failed. The evaluator
// takes its canary away.

// isAlone says whether a Deployment is to have no pod of another template beside its own: its strategy is
// Recreate, and neither an annotation of it nor its plan asks for a canary all the same. A plan that does not
// exist (yet) asks for nothing.
func (h *Handler) isAlone(ctx context.Context, namespace string, d demand.Demands, of workload.Deployment) (bool, error) {
	if !of.Recreates() {
		return false, nil
	}
	found, err := h.findPlan(ctx, namespace, d, of)
	return !plan.BesideRecreate(planAnnotations(of), found), err
}

// isAloneNow is that for the Deployment of a request, whose plan may be known.
func (h *Handler) isAloneNow(ctx context.Context, r *request) (bool, error) {
	if r.planKnown && r.New.Recreates() {
		return !plan.BesideRecreate(planAnnotations(r.New), r.found), nil
	}
	return h.isAlone(ctx, r.namespace, r.demands, r.New)
}

// requires says whether updates without a canary are refused, where one could be had.
func (h *Handler) requires(d demand.Demands) bool { return h.FailClosed || d.Guarded() }

// waysBeside are the ways to a canary of a Deployment whose strategy is Recreate.
const waysBeside = "to have its updates tried by a canary beside it, annotate it with " + v1alpha1.BesideRecreateAnnotation +
	"=true or set besideRecreate: true in its plan; or change spec.strategy.type to RollingUpdate"

// refusalAlone says why such a Deployment cannot be updated where canaries are required, and the ways out.
func refusalAlone(d demand.Demands) string {
	by := "the namespace requires canaries"
	if d.Guarded() {
		by = d.GuardedBy + " has every update tried by one"
	}
	return fmt.Sprintf("spec.strategy.type is Recreate, by which no canary runs beside it, and %s; %s; or have it updated by somebody who may go without a canary, with annotation %s",
		by, waysBeside, v1alpha1.SkipAnnotation)
}

// warnAloneUnknown is for an update that is held because it could not be found out whether it is to have no
// canary.
func warnAloneUnknown(why error) string {
	return fmt.Sprintf("spec.strategy.type is Recreate, and whether the plan asks for a canary all the same could not be read (%v): the update is not let pass for that; "+
		"where the plan asks for none its run waits: to have it tried, annotate the Deployment with %s=true; to have it released without, promote the run", why, v1alpha1.BesideRecreateAnnotation)
}

// warnAlone is for who makes a Deployment one that is to be alone, while an update of it is held.
func warnAlone(r hold.Record) string {
	return fmt.Sprintf("spec.strategy.type is Recreate now, by which no canary runs beside the Deployment: that of run %s goes, and the update stays held; "+
		"to have it tried all the same, annotate the Deployment with %s=true; to have it released without, promote the run", r.Run, v1alpha1.BesideRecreateAnnotation)
}
