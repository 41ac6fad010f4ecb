package webhook

import (
	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/decide"
	"holdfast.dev/holdfast/webhook/ownership"
)

// answerEvaluator answers the evaluator's own writes: a release swaps the held
// template in, everything else passes as it is.
//
// A release names the hold it is for. One that comes late, from an evaluator
// that lost its lease or for a hold that ended meanwhile, finds another record
// or none and does nothing.
func (h *Handler) answerEvaluator(u update) (answer, decide.Decision, error) {
	id := u.new.annotation(v1alpha1.ReleaseAnnotation)
	if id == "" {
		return u.asSent(), own, nil
	}
	record, err := h.Key.Open(u.old.annotation(v1alpha1.HeldAnnotation), u.old.uid())
	if err != nil || record.ID != id {
		a := u.asIs()
		a.warn("no update is held under the ID " + id + "; nothing was released")
		return a, own, nil //nolint:nilerr // a record that does not open holds nothing
	}
	return u.release(record), released, nil
}

// asSent answers with the object as it came, Holdfast's annotations with it.
func (u update) asSent() answer {
	a := u.asIs()
	for _, key := range ownAnnotations {
		a.set(key, u.new.annotation(key))
	}
	return a
}

// release swaps the held template in, its owners with it, and clears the record.
func (u update) release(r hold.Record) answer {
	a := u.asIs()
	a.template = r.Template
	a.managedFields = ownership.WithTemplate(u.new.managedFields(), u.old.managedFields(), r.Owners)
	a.set(v1alpha1.HeldAnnotation, "")
	a.set(v1alpha1.StableAnnotation, string(r.Hash))
	return a
}
