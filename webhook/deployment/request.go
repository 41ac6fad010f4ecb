package deployment

import (
	"context"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/reply"
)

// request is a user's update with what is known of the Deployment it is for.
type request struct {
	update
	namespace, name string

	key       hold.Key // what is sealed on the Deployment
	demands   demand.Demands
	found     plan.Found               // the plan
	planKnown bool                     // nobody asked where it is false, or it could not be read
	plan      *v1alpha1.CanaryPlanSpec // of what was found, nil where it says nothing, or nobody asked
	first     *hold.Record             // of the update whose run is finished before what is held, nil where there is none
	record    *hold.Record             // nil without a hold
	marks     hold.Marks               // what changes of templates are restarts
	// Templates are compared as versions, without marks of restarts; a hash is that of all there is.
	stable, stableHash hold.Hash // of the template in the cluster
	asked, askedHash   hold.Hash // of the template in the request
	held, heldHash     hold.Hash // of the held template, "" without a hold
	history            revisions
	rejected           hold.Rejected
	read               *hold.Record // see Handler.recordRead
	failed             bool         // see Handler.heldHasFailed
	alone              bool         // see Handler.isAlone
	errands            *errands     // nil where none were sent

	// warnings are for the user, after those that say what became of the update.
	warnings []string
}

// readRequest reads what stands on the Deployment and, if it matters, which revisions
// it has. It is the first step of an answer.
func (h *Handler) readRequest(ctx context.Context, namespace, name string, demands demand.Demands, u update) (*request, error) {
	r := &request{update: u, key: h.Key, namespace: namespace, name: name, demands: demands}
	if encoded := r.Old.Annotation(v1alpha1.HeldAnnotation); encoded != "" {
		// A record that does not open is no hold; the evaluator says so and clears it.
		if record, err := h.Key.Open(encoded, r.Old.UID()); err == nil {
			newest := record.Newest()
			r.record = &newest
			if record.Next != nil {
				r.first = &record
			}
		}
	}
	var list func() listed
	if !hold.Equal(u.Old.Template(), u.New.Template()) {
		if r.record == nil || !hold.Equal(r.record.Template, u.New.Template()) {
			list = aside(func() listed { return h.History.list(ctx, namespace, u.Old) })
		}
		r.found, r.planKnown = h.planFor(ctx, namespace, demands, u)
	}
	r.plan = r.found.Spec
	err := r.hash(h.marksFor(demands, r.found))
	if err != nil {
		return nil, err
	}
	r.read = h.recordRead(r)
	if !r.asksForRetry() {
		// A memory that cannot be read is none.
		r.rejected, _ = hold.ParseRejected(r.Old.Annotation(v1alpha1.RejectedAnnotation), r.Old.UID())
	}
	if r.touched() && (r.record == nil || r.asked != r.held) || r.replacesAnnotations() {
		if list == nil {
			list = func() listed { return h.History.list(ctx, namespace, u.Old) }
		}
		if r.history, err = h.History.revisions(ctx, list(), r.marks, r.asked); err != nil {
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

// hash works out the hashes and versions of what there is and what is asked for. A hold of
// nothing but marks, made before they counted, is still one: beside it no marks count.
func (r *request) hash(marks hold.Marks) (err error) {
	r.marks, r.askedHash, r.heldHash = marks, "", ""
	if r.stableHash, r.stable, err = marks.Hashes(r.Old.Template()); err != nil {
		return err
	}
	if r.askedHash, r.asked, err = r.hashes(r.New.Template()); err != nil || r.record == nil {
		return err
	}
	if r.heldHash, r.held, err = r.hashes(r.record.Template); err == nil && r.held == r.stable && r.heldHash != r.stableHash {
		return r.hash(nil)
	}
	return err
}

// hashes are the hash and the version of a template. Most requests bring a template that is there already, and to
// compare two takes less than to hash one.
func (r *request) hashes(template hold.Template) (hash, version hold.Hash, err error) {
	switch {
	case hold.Equal(template, r.Old.Template()):
		return r.stableHash, r.stable, nil
	case r.askedHash != "" && hold.Equal(template, r.New.Template()):
		return r.askedHash, r.asked, nil
	case r.heldHash != "" && hold.Equal(template, r.record.Template):
		return r.heldHash, r.held, nil
	}
	return r.marks.Hashes(template)
}

// touched says whether the request brings another template than the stable one, be it by
// more than a restart.
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
