package deployment

import (
	"context"
	"fmt"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/deployment/history"
	"holdfast.dev/holdfast/webhook/reply"
)

// request is a user's update with what is known of the Deployment it is for.
type request struct {
	update
	holds
	versions
	namespace, name string

	key       hold.Key // what is sealed on the Deployment
	demands   demand.Demands
	found     plan.Found               // the plan
	planKnown bool                     // nobody asked where it is false, or it could not be read
	plan      *v1alpha1.CanaryPlanSpec // of what was found, nil where it says nothing, or nobody asked
	history   history.Revisions
	rejected  hold.Rejected
	read      *hold.Record // see recordRead
	failed    bool         // see Handler.heldHasFailed
	alone     bool         // see Handler.isAlone
	errands   *errands     // nil where none were sent
	// ahead waits for what the API server makes of the template in the request; nil where it was not asked yet.
	ahead func() checked

	// warnings are for the user, after those that say what became of the update.
	warnings []string
}

// readRequest reads what stands on the Deployment and, if it matters, which history.Revisions
// it has. It is the first step of an answer.
func (h *Handler) readRequest(ctx context.Context, namespace, name string, demands demand.Demands, u update) (*request, error) {
	r := &request{update: u, key: h.Key, namespace: namespace, name: name, demands: demands}
	r.holds = holdsOn(r.Old, h.Key)
	var list func() history.Listed
	if !hold.Equal(u.Old.Template(), u.New.Template()) {
		if r.isLikelyHeld() {
			r.ahead = h.checkAhead(ctx, r)
		}
		if r.record == nil || !hold.Equal(r.record.Template, u.New.Template()) {
			list = aside(func() history.Listed { return h.History.List(ctx, namespace, u.Old) })
		}
		r.found, r.planKnown = h.planFor(ctx, namespace, demands, u)
	}
	r.plan = r.found.Spec
	var held hold.Template
	if r.record != nil {
		held = r.record.Template
	}
	var err error
	if r.versions, err = versionsOf(r.Old.Template(), r.New.Template(), held, h.marksFor(demands, r.found)); err != nil {
		return nil, err
	}
	r.read = r.recordRead()
	if !r.asksForRetry() {
		// A memory that cannot be read is none.
		r.rejected, _ = hold.ParseRejected(r.Old.Annotation(v1alpha1.RejectedAnnotation), r.Old.UID())
	}
	if r.touched() && (r.record == nil || r.asked != r.held) || r.replacesAnnotations() {
		if list == nil {
			list = func() history.Listed { return h.History.List(ctx, namespace, u.Old) }
		}
		if r.history, err = h.History.Read(ctx, list(), r.marks, r.asked); err != nil {
			return nil, err
		}
		if err := r.checkRevisions(); err != nil {
			return nil, err
		}
	}
	if label := r.stale(); label != nil {
		r.warnings = append(r.warnings, reply.Warning(warnStale(*label, r.stableHash, r.Old.UID())))
	}
	return r, nil
}

func (u update) asksForRetry() bool {
	asked := u.New.Annotation(v1alpha1.RetryAnnotation)
	return asked != "" && asked != u.Old.Annotation(v1alpha1.RetryAnnotation)
}

// imageChanged says whether the request changes what the annotations ask for.
// What they ask for already, also since before the Deployment was guarded, asks
// for nothing anew. Neither does what a rollback brings back with the template.
func (r *request) imageChanged() bool {
	if r.touched() && r.history.Has(r.asked) {
		return false
	}
	return r.New.Annotation(v1alpha1.CanaryImageAnnotation) != r.Old.Annotation(v1alpha1.CanaryImageAnnotation) ||
		r.New.Annotation(v1alpha1.CanaryContainerAnnotation) != r.Old.Annotation(v1alpha1.CanaryContainerAnnotation)
}

// missesRevision says whether the template that is asked for may be that of a
// revision which is not known.
func (r *request) missesRevision() bool { return r.history.Cut != "" && !r.history.Has(r.asked) }

// checkRevisions refuses a request that means one thing if it rolls back and
// another if it does not, where that cannot be told. Otherwise a template that may be
// that of an earlier revision counts as a new one, and the user is told.
func (r *request) checkRevisions() error {
	const remedy = "delete ReplicaSets that are needed no more, and set a lower spec.revisionHistoryLimit"
	switch {
	case !r.missesRevision():
	case r.record != nil && (r.replacesAnnotations() || r.mayRollBack()):
		return reply.Refuse("it cannot be told whether this rolls Deployment %s back, while an update is held: %s; %s, or withdraw the held update first with: kubectl -n %s annotate deployment %s %s-",
			r.name, r.history.Cut, remedy, r.namespace, r.name, v1alpha1.HeldAnnotation)
	default:
		r.warnings = append(r.warnings, reply.Warning(fmt.Sprintf(
			"a rollback to an old revision counts as a new template here: %s; %s", r.history.Cut, remedy)))
	}
	return nil
}
