package deployment

import (
	"context"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/reply"
)

// request is a user's update with what is known of the Deployment it is for.
type request struct {
	update
	namespace, name string

	demands  demand.Demands
	record   *hold.Record // nil without a hold
	stable   hold.Hash    // of the template in the cluster
	asked    hold.Hash    // of the template in the request
	history  revisions
	rejected hold.Rejected
	read     *hold.Record // see Handler.recordRead
	alone    bool         // see Handler.isAlone

	// warnings are for the user, after those that say what became of the update.
	warnings []string
}

// readRequest reads what stands on the Deployment and, if it matters, which revisions
// it has. It is the first step of an answer.
func (h *Handler) readRequest(ctx context.Context, namespace, name string, demands demand.Demands, u update) (*request, error) {
	r := &request{update: u, namespace: namespace, name: name, demands: demands}
	var err error
	if r.stable, err = hold.HashOf(r.Old.Template()); err != nil {
		return nil, err
	}
	if r.asked, err = hold.HashOf(r.New.Template()); err != nil {
		return nil, err
	}
	if encoded := r.Old.Annotation(v1alpha1.HeldAnnotation); encoded != "" {
		// A record that does not open is no hold; the evaluator says so and clears it.
		if record, err := h.Key.Open(encoded, r.Old.UID()); err == nil {
			r.record = &record
		}
	}
	r.read = h.recordRead(r)
	if !r.asksForRetry() {
		// A memory that cannot be read is none.
		r.rejected, _ = hold.ParseRejected(r.Old.Annotation(v1alpha1.RejectedAnnotation), r.Old.UID())
	}
	if r.touched() && (r.record == nil || r.asked != r.record.Hash) || r.replacesAnnotations() {
		if r.history, err = h.History.Revisions(ctx, r.namespace, r.Old, r.asked); err != nil {
			return nil, err
		}
		if err := r.checkRevisions(); err != nil {
			return nil, err
		}
	}
	if label := r.stale(); label != nil {
		r.warnings = append(r.warnings, reply.Warning(warnStale(*label, r.stable, r.Old.UID())))
	}
	return r, nil
}

func (r *request) touched() bool { return r.asked != r.stable }

func (r *request) asksForRetry() bool {
	asked := r.New.Annotation(v1alpha1.RetryAnnotation)
	return asked != "" && asked != r.Old.Annotation(v1alpha1.RetryAnnotation)
}

// imageChanged says whether the request changes what the annotations ask for.
// What they ask for already, also since before the Deployment was guarded, asks
// for nothing anew. Neither does what a rollback brings back with the template.
func (r *request) imageChanged() bool {
	if r.touched() && r.history.has(r.asked) {
		return false
	}
	return r.New.Annotation(v1alpha1.CanaryImageAnnotation) != r.Old.Annotation(v1alpha1.CanaryImageAnnotation) ||
		r.New.Annotation(v1alpha1.CanaryContainerAnnotation) != r.Old.Annotation(v1alpha1.CanaryContainerAnnotation)
}
