package deployment

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// answerEvaluator answers the evaluator's own writes: a release swaps the held
// template in, everything else passes as it is.
//
// A release leaves the record alone; a revert clears it, and is never one,
// whatever release was asked for while no webhook was there to answer.
//
// A release names the hold it is for. One that comes late, from an evaluator
// that lost its lease or for a hold that ended meanwhile, finds another record
// or none and does nothing. Nor does one for a hold that is older than what runs:
// while the webhook was away another template passed, and the evaluator, which has
// not seen it yet, is about to drop the hold.
func (h *Handler) answerEvaluator(u update) (amendment, decide.Decision, error) {
	id, held := u.New.Annotation(v1alpha1.ReleaseAnnotation), u.Old.Annotation(v1alpha1.HeldAnnotation)
	if id == "" || u.New.Annotation(v1alpha1.HeldAnnotation) != held {
		return u.acceptOwnMarks(), own, nil
	}
	record, err := h.Key.Open(held, u.Old.UID())
	if err != nil || record.ID != id {
		a := u.keepOwnMarks()
		a.warn("no update is held under the ID " + id + "; nothing was released")
		return a, own, nil //nolint:nilerr // a record that does not open holds nothing
	}
	running, err := hold.HashOf(u.Old.Template())
	stamp, stamped := h.Key.OpenStamp(u.Old.Annotation(v1alpha1.StableAnnotation), u.Old.UID())
	if err == nil && stamped && !stamp.Covers(running, u.Old.Generation()) {
		a := u.keepOwnMarks()
		a.warn("another template has passed without Holdfast since the update was held; nothing was released")
		return a, own, nil
	}
	next := ""
	if record.Next != nil {
		if next, err = h.Key.Seal(*record.Next); err != nil {
			return amendment{}, released, err
		}
	}
	a, err := u.release(h.Key, record, next)
	return a, released, err
}

// acceptOwnMarks answers with the object as it came, Holdfast's annotations with it.
func (u update) acceptOwnMarks() amendment {
	a := u.keepOwnMarks()
	for _, key := range v1alpha1.OwnAnnotations {
		a.set(key, u.New.Annotation(key))
	}
	a.set(v1alpha1.ReleaseAnnotation, "")
	a.lastApplied = lastApplied(u.New).Template()
	a.remember()
	a.attribute(u, nobody)
	return a
}

// release swaps the held template in, its owners with it, and clears the record, or leaves
// that of the update that waits behind it.
func (u update) release(key hold.Key, r hold.Record, next string) (amendment, error) {
	hash, err := hold.HashOf(r.Template) // marks of a restart may have come to it since it was held
	if err != nil {
		return amendment{}, err
	}
	a := u.keepOwnMarks()
	a.template = r.Template
	a.managedFields = ownership.WithTemplate(u.New.ManagedFields(), u.Old.ManagedFields(), r.Owners)
	a.set(v1alpha1.HeldAnnotation, next)
	a.set(v1alpha1.FailedAnnotation, "")
	a.set(v1alpha1.StableAnnotation, key.SealStamp(hold.Stamp{Hash: hash}, u.Old.UID()))
	a.set(v1alpha1.RestartedAnnotation, key.SealAlias(hold.Alias{Hash: hash, Of: r.Hash}, u.Old.UID()))
	a.lastApplied = r.LastApplied
	a.place(recorded(r, u.Old, keysOf(&r)), u)
	a.remember()
	a.attribute(u, nobody)
	return a, nil
}
