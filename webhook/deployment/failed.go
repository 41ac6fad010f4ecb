package deployment

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// markFailed says whether tools that wait are to see a failure: as long as the
// template that was last asked for is a rejected one. Requests that ask for no
// template (scale, label, a controller's) leave that as it is.
func (r *request) markFailed(w wanted, a *amendment, d decide.Decision) {
	switch {
	case d.Reason == decide.ReasonRejected:
		rejection, _ := r.rejected.Find(w.hash, w.version)
		a.set(v1alpha1.FailedAnnotation, string(rejection.Hash))
	case d.Reason == decide.ReasonUnchanged && !r.asksForRetry() && !r.declaresTemplate():
	default:
		a.set(v1alpha1.FailedAnnotation, "")
	}
}

// declaresTemplate says whether the request carries a template that it wants,
// even where it is the one in the cluster. A patch that leaves it alone does not,
// nor does a text that was read from the cluster.
func (r *request) declaresTemplate() bool {
	if r.readFailure() {
		return false
	}
	switch r.method() {
	case intent.ServerSideApply:
		return ownership.Owned(r.New.ManagedFields(), ownership.Apply, r.Manager, "f:spec", "f:template")
	case intent.ClientSideApply:
		return lastApplied(r.New).Template() != nil
	case intent.Manifest, intent.Replace:
		return true
	}
	return false
}
