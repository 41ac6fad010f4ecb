package webhook

import (
	"context"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/intent"
	"holdfast.dev/holdfast/webhook/ownership"
)

// request is a user's update with what was found out about it.
type request struct {
	update
	namespace, name string

	record   *hold.Record // nil without a hold
	stable   hold.Hash    // of the template in the cluster
	asked    hold.Hash    // of the template in the request
	owned    map[hold.Hash]bool
	rejected hold.Rejected

	desired     hold.Template
	desiredHash hold.Hash
	rule        intent.Rule // by which it was found
	source      hold.Source

	checked  bool // desired is what the API server would store
	skip     bool // the user asks to go without a canary, and may
	warnings []string
}

// findOut fills in everything but the decision.
func (h *Handler) findOut(ctx context.Context, r *request) error {
	var err error
	if r.stable, err = hold.HashOf(r.old.template()); err != nil {
		return err
	}
	if r.asked, err = hold.HashOf(r.new.template()); err != nil {
		return err
	}
	if encoded := r.old.annotation(v1alpha1.HeldAnnotation); encoded != "" {
		// A record that does not open is no hold; the evaluator says so and clears it.
		if record, err := h.Key.Open(encoded, r.old.uid()); err == nil {
			r.record = &record
		}
	}
	if !r.asksForRetry() {
		// A memory that cannot be read is none.
		r.rejected, _ = hold.ParseRejected(r.old.annotation(v1alpha1.RejectedAnnotation))
	}
	if r.touched() && (r.record == nil || r.asked != r.record.Hash) {
		if r.owned, err = h.History.Templates(ctx, r.namespace, r.old.uid(), r.old.selector()); err != nil {
			return err
		}
	}
	return r.findDesired()
}

func (r *request) touched() bool { return r.asked != r.stable }

func (r *request) asksForRetry() bool {
	asked := r.new.annotation(v1alpha1.RetryAnnotation)
	return asked != "" && asked != r.old.annotation(v1alpha1.RetryAnnotation)
}

// findDesired asks intent, then the annotation that asks for an image.
func (r *request) findDesired() error {
	ask := intent.Request{
		Stable: r.old.template(), Asked: r.new.template(),
		Touched: r.touched(), Writer: r.writer(), RollsBack: r.owned[r.asked],
	}
	r.source = hold.SourceTemplate
	if r.record != nil && !r.withdrawsImage() {
		ask.Held, r.source = r.record.Template, r.record.Source
	}
	desired, rule, err := intent.Desired(ask)
	if err != nil { // by what the user sent: the templates in the cluster were merged before
		return refuse("spec.template: %v", err)
	}
	r.rule = rule
	if r.asksForImage() {
		image, container := r.new.annotation(v1alpha1.CanaryImageAnnotation), r.new.annotation(v1alpha1.CanaryContainerAnnotation)
		if desired, err = intent.WithImage(desired, container, image); err != nil {
			return refuse("metadata.annotations[%s]: %v", v1alpha1.CanaryContainerAnnotation, err)
		}
		r.source = hold.SourceImage
	}
	r.desired = desired
	r.desiredHash, err = hold.HashOf(desired)
	return err
}

// imageChanged says whether the request changes what the annotations ask for.
// What they ask for already, also since before the Deployment was guarded, asks
// for nothing anew. Neither does what a rollback brings back with the template.
func (r *request) imageChanged() bool {
	if r.touched() && r.owned[r.asked] {
		return false
	}
	return r.new.annotation(v1alpha1.CanaryImageAnnotation) != r.old.annotation(v1alpha1.CanaryImageAnnotation) ||
		r.new.annotation(v1alpha1.CanaryContainerAnnotation) != r.old.annotation(v1alpha1.CanaryContainerAnnotation)
}

func (r *request) asksForImage() bool {
	return r.imageChanged() && r.new.annotation(v1alpha1.CanaryImageAnnotation) != ""
}

// withdrawsImage: another image, or none, than the one held is asked for.
func (r *request) withdrawsImage() bool {
	return r.imageChanged() && r.record.Source == hold.SourceImage
}

// writer finds out how the client computed what it sends. kubectl's commands
// are known by the field managers they use, server-side apply by its entry in
// managedFields, and client-side apply by the manifest it leaves on the object.
func (r *request) writer() intent.Writer {
	switch {
	case r.appliesHeld():
		return intent.Writer{Way: intent.ServerSideApply}
	case r.manager == "kubectl-replace":
		return intent.Writer{Way: intent.Replace}
	case r.new.annotation(lastAppliedAnnotation) != r.old.annotation(lastAppliedAnnotation):
		return intent.Writer{Way: intent.ClientSideApply, LastApplied: intent.LastApplied{
			Before: r.old.lastAppliedTemplate(), After: r.new.lastAppliedTemplate(),
		}}
	}
	return intent.Writer{Way: intent.Patch}
}

// operation is how the request wrote the object, as managedFields call it.
func (r *request) operation() string {
	return ownership.Operation(r.old.managedFields(), r.new.managedFields(), r.manager)
}

// appliesHeld: a server-side apply by the manager whose apply is held, or by one
// that has a field in which the held template differs from the stable one.
func (r *request) appliesHeld() bool {
	if r.record == nil || r.record.Source != hold.SourceTemplate || r.operation() != ownership.Apply {
		return false
	}
	if r.record.Operation == ownership.Apply && r.record.Manager == r.manager {
		return true
	}
	return ownership.AppliesDifference(r.new.managedFields(), r.manager, r.old.template(), r.record.Template)
}
