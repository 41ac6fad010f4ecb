package webhook

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/decide"
	"holdfast.dev/holdfast/webhook/ownership"
	"holdfast.dev/holdfast/webhook/status"
)

// markFailed says whether tools that wait are to see a failure: as long as the
// template that was last asked for is a rejected one. Requests that ask for no
// template (scale, label, a controller's) leave that as it is.
func (r *request) markFailed(a *answer, d decide.Decision) {
	switch {
	case d.Reason == decide.ReasonRejected:
		a.set(v1alpha1.FailedAnnotation, string(r.desiredHash))
	case d.Reason == decide.ReasonUnchanged && !r.asksForRetry() && !r.declaresTemplate():
	default:
		a.set(v1alpha1.FailedAnnotation, "")
	}
}

// declaresTemplate says whether the request carries a template that it wants,
// even where it is the one in the cluster. A patch that leaves it alone does not;
// one of Helm 3 does, because Helm compares its manifest with the cluster's
// object and would have patched another template.
func (r *request) declaresTemplate() bool {
	switch {
	case r.operation() == ownership.Apply:
		return ownership.Owned(r.new.managedFields(), ownership.Apply, r.manager, "f:spec", "f:template")
	case r.manager == "kubectl-replace":
		return true
	case r.new.annotation(lastAppliedAnnotation) != r.old.annotation(lastAppliedAnnotation):
		return r.new.lastAppliedTemplate() != nil
	}
	return ownership.Owned(r.new.managedFields(), ownership.Update, r.manager, "f:metadata", "f:annotations", "f:"+status.HelmAnnotation)
}
