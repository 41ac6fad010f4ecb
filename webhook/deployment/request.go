package deployment

import (
	"context"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
	"holdfast.dev/holdfast/webhook/reply"
)

// request is a user's update with what was found out about it.
type request struct {
	update
	namespace, name string

	demands  demand.Demands
	record   *hold.Record // nil without a hold
	stable   hold.Hash    // of the template in the cluster
	asked    hold.Hash    // of the template in the request
	history  revisions
	rejected hold.Rejected
	holdRead string // see Handler.holdRead

	// wish is what the object would have if nothing were held. The template that
	// the request asks for is another one only where an annotation asks for an image.
	wish        intent.Desired
	ask         intent.Request
	desired     hold.Template
	desiredHash hold.Hash
	source      hold.Source

	checked  bool // desired is what the API server would store
	skip     bool // the user asks to go without a canary, and may
	warnings []string
}

// findOut fills in everything but the decision.
func (h *Handler) findOut(ctx context.Context, r *request) error {
	var err error
	if r.stable, err = hold.HashOf(r.Old.Template()); err != nil {
		return err
	}
	if r.asked, err = hold.HashOf(r.New.Template()); err != nil {
		return err
	}
	if encoded := r.Old.Annotation(v1alpha1.HeldAnnotation); encoded != "" {
		// A record that does not open is no hold; the evaluator says so and clears it.
		if record, err := h.Key.Open(encoded, r.Old.UID()); err == nil {
			r.record = &record
		}
	}
	r.holdRead = h.holdRead(r)
	if !r.asksForRetry() {
		// A memory that cannot be read is none.
		r.rejected, _ = hold.ParseRejected(r.Old.Annotation(v1alpha1.RejectedAnnotation), r.Old.UID())
	}
	if r.touched() && (r.record == nil || r.asked != r.record.Hash) || r.replacesAnnotations() {
		if r.history, err = h.History.Revisions(ctx, r.namespace, r.Old, r.asked); err != nil {
			return err
		}
		if err := r.checkRevisions(); err != nil {
			return err
		}
	}
	return r.findDesired()
}

func (r *request) touched() bool { return r.asked != r.stable }

func (r *request) asksForRetry() bool {
	asked := r.New.Annotation(v1alpha1.RetryAnnotation)
	return asked != "" && asked != r.Old.Annotation(v1alpha1.RetryAnnotation)
}

// findDesired asks intent, then the annotation that asks for an image.
func (r *request) findDesired() error {
	r.ask = intent.Request{Stable: owned(r.Old), Asked: owned(r.New)}
	if r.record != nil {
		r.ask.Held = &intent.Held{
			Owned:       replay.Owned{Template: r.record.AsIf(), Owners: r.record.Owners},
			LastApplied: r.record.LastApplied,
		}
		r.ask.Writer = r.writer()
	}
	wish, err := intent.Desire(r.ask)
	if err == nil && r.ask.Writer.Way == intent.Owners {
		wish.Owners, err = replay.Move(wish.Owners, r.Old.ManagedFields(), r.New.ManagedFields())
	}
	if err != nil { // by what the user sent: the templates in the cluster were merged before
		return reply.Refuse("spec.template: %v", err)
	}
	r.wish, r.desired, r.source = wish, wish.Template, hold.SourceTemplate
	if r.asksForImage() {
		image, container := r.New.Annotation(v1alpha1.CanaryImageAnnotation), r.New.Annotation(v1alpha1.CanaryContainerAnnotation)
		if r.desired, err = intent.WithImage(wish.Template, container, image); err != nil {
			return reply.Refuse("metadata.annotations[%s]: %v", v1alpha1.CanaryContainerAnnotation, err)
		}
		r.source = hold.SourceImage
	}
	r.desiredHash, err = hold.HashOf(r.desired)
	return err
}

// stored takes the template as the API server stores it, if that is another
// only in what it filled in.
func (r *request) stored(template hold.Template) error {
	hash, err := hold.HashOf(template)
	if err != nil || r.source != hold.SourceTemplate {
		return err
	}
	if r.record == nil || hash != r.desiredHash { // the API server named the owners; or others changed it, who own nothing
		r.wish.Template = template
		return nil
	}
	r.wish, err = r.ask.Stored(r.wish, template)
	return err
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

// asksForImage: the request brings an image in an annotation, or leaves the one
// that is held. Withdrawing and rolling back asks for none.
func (r *request) asksForImage() bool {
	if r.New.Annotation(v1alpha1.CanaryImageAnnotation) == "" ||
		r.wish.Rule == intent.RuleWithdraw || r.wish.Rule == intent.RuleUndo || r.wish.Rule == intent.RuleRollback {
		return false
	}
	return r.imageChanged() || r.record != nil && r.record.Source == hold.SourceImage
}
