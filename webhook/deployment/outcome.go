package deployment

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
	"holdfast.dev/holdfast/webhook/reply"
)

// carryOut turns a decision into the answer.
func (h *Handler) carryOut(ctx context.Context, r *request, w wanted, d decide.Decision) (amendment, error) {
	a := r.keepOwnMarks()
	if r.asksForRetry() {
		a.set(v1alpha1.RejectedAnnotation, "")
	}
	r.markFailed(w, &a, d)
	if d.Effect == decide.Hold || d.Reason == decide.ReasonRejected || r.mayTellOfFailed() {
		if err := h.namedBeside(ctx, r, &w, &a); err != nil {
			return a, err
		}
	}
	if r.New.Annotation(v1alpha1.ReleaseAnnotation) != "" {
		a.warn(warnOwnAnnotation)
	}
	var err error
	switch d.Effect {
	case decide.Pass:
		r.pass(w, &a, d)
		switch d.Reason {
		case decide.ReasonSkipped:
			err = h.noteSkip(r, w, &a)
		case decide.ReasonRollback:
			err = r.spendSkip(&a)
		case decide.ReasonRecreate:
			err = h.noteUntried(r, w, &a)
		}
	case decide.Refuse:
		err = reply.Refuse("Deployment %s is not updated: %s", r.name, refusalAlone(r.demands))
	case decide.Hold:
		err = h.hold(ctx, r, w, &a)
	case decide.Keep:
		err = h.keep(r, w, &a)
	case decide.Drop:
		err = r.drop(w, &a, d)
	default:
		err = fmt.Errorf("no effect decided (reason %q)", d.Reason)
	}
	h.stampOptIn(r, &a)
	if r.DryRun { // nobody is to have a stamp of what is not stored
		a.set(v1alpha1.StableAnnotation, r.Old.Annotation(v1alpha1.StableAnnotation))
	}
	a.remember()
	requester := nobody
	if d.Effect == decide.Hold || d.Reason == decide.ReasonRejected {
		requester = ownership.Holder{
			Manager: r.fieldManager(), Operation: r.operation(), APIVersion: "apps/v1", Time: h.Now().UTC().Format(time.RFC3339),
		}
	}
	a.attribute(r.update, requester)
	return a, err
}

func (r *request) pass(w wanted, a *amendment, d decide.Decision) {
	a.template = w.template
	if r.record != nil {
		a.managedFields = r.assignOwners(w.wish.Owners)
	}
	a.set(v1alpha1.HeldAnnotation, "")
	a.lastApplied = r.remembered(w)
	a.set(v1alpha1.RestartedAnnotation, r.key.SealAlias(hold.Alias{Hash: w.hash, Of: r.knownAs(w)}, r.Old.UID()))
	switch {
	case r.record != nil:
		a.place(w.beside, r.update)
	case d.Reason == decide.ReasonUnchanged && r.tellsOfFailed(w):
		a.warn(warnBesideFailed(w.beside.keys))
		r.stayBeside(w.beside.keys, a)
	}
	switch {
	case d.Reason == decide.ReasonOptedOut: // what is not guarded has no stamp to go out of date
		a.set(v1alpha1.StableAnnotation, "")
	case r.stableHash != w.hash:
		r.stamp(a, r.stampOf(w))
	}
	if said := warnPassed(d, r.record != nil, r.New.Annotation(v1alpha1.SkipAnnotation)); said != "" {
		a.warn(said)
	}
}

// stampOf is the stamp for a template that passes. What was stored, held or
// checked before is stored as it is. Other webhooks may still change anything
// else: the evaluator gives it the stamp of what was stored.
func (r *request) stampOf(w wanted) hold.Stamp {
	if w.checked || r.heldHash == w.hash || r.history.stored(w.hash) {
		return hold.Stamp{Hash: w.hash}
	}
	return hold.Passing(w.hash, r.Old.Generation())
}

func (r *request) stamp(a *amendment, s hold.Stamp) {
	a.set(v1alpha1.StableAnnotation, r.key.SealStamp(s, r.Old.UID()))
}

// stampOptIn vouches for what runs when its owners have it guarded: it had no stamp until now, and to the
// evaluator a Deployment without one is new, or somebody took it off.
func (h *Handler) stampOptIn(r *request, a *amendment) {
	guarded := func(d workload.Deployment) bool {
		return r.demands.Guarded() || guard.Chosen(d.Annotation(v1alpha1.CanaryAnnotation), h.ByNamespace)
	}
	_, stamped := r.key.OpenStamp(text(a.annotations, v1alpha1.StableAnnotation), r.Old.UID())
	if !stamped && guarded(r.New) && !guarded(r.Old) {
		r.stamp(a, hold.Passing(r.stableHash, r.Old.Generation()))
	}
}

// knownAs is the hash by which a template is known that is about to pass: that under which it
// is tried, or has passed, if nothing but marks of a restart came to it since.
func (r *request) knownAs(w wanted) hold.Hash {
	switch {
	case w.version == r.stable:
		return r.alias().Resolve(r.stableHash)
	case r.record != nil && w.version == r.held:
		return r.record.Hash
	}
	return w.hash
}

// alias says by which other hash the stable template is known.
func (r *request) alias() hold.Alias {
	return r.key.OpenAlias(r.Old.Annotation(v1alpha1.RestartedAnnotation), r.Old.UID())
}

// drop leaves the stable template, and no record.
func (r *request) drop(w wanted, a *amendment, d decide.Decision) error {
	r.stay(a)
	a.set(v1alpha1.HeldAnnotation, "")
	if d.Reason != decide.ReasonWithdrawn {
		r.stayBeside(w.beside.keys, a)
		if rejection, ok := r.rejected.Find(w.hash, w.version); ok {
			a.warn(warnRejected(r.namespace, r.name, rejection))
		}
		return nil
	}
	a.warn(warnWithdrawn(*r.record, w.wish.Rule == intent.RuleUndo))
	switch w.wish.Rule {
	case intent.RuleWithdraw:
		r.stayBeside(w.beside.keys, a)
		return nil
	case intent.RuleUndo: // it brings the template and the annotations of an earlier revision
		a.template = r.Old.Template()
		a.managedFields = ownership.WithTemplate(r.Old.ManagedFields(), r.Old.ManagedFields(), w.wish.Owners)
		a.annotate(r.Old, r.Old)
		r.stayBeside(w.beside.keys, a)
		a.set(v1alpha1.HeldAnnotation, "")
		a.lastApplied = r.record.LastApplied // an undo leaves alone what kubectl remembers
		return nil
	}
	if !r.stands(w) { // the stable template but for a restart, which passes
		a.template = w.template
		r.markRestarted(w.hash, a)
	}
	hash, _, err := r.versions.of(a.template)
	if err != nil {
		return err
	}
	if w, err = r.asStored(w, a.template, hash); err != nil {
		return err
	}
	a.managedFields, a.lastApplied = r.assignOwners(w.wish.Owners), r.remembered(w)
	a.place(w.beside, r.update)
	return nil
}

// keep leaves template and record. What may change is who owns the fields of the
// held template, and the mark of a restart: the stable pods restart now, and the
// held template will carry the same mark.
func (h *Handler) keep(r *request, w wanted, a *amendment) error {
	r.stay(a)
	r.stayBeside(w.beside.keys, a)
	held := w.beside.inRecord(standing(r.Old, w.beside.keys), r.first != nil)
	if r.record.Beside != nil && slices.Equal(r.record.Beside.Keys, w.beside.keys) && w.beside.same(recorded(*r.record, r.Old, w.beside.keys)) {
		held = r.record.Beside // also where it says what stands on the object: another update was before it once
	}
	switch {
	case r.touched():
		a.warn(warnAlreadyHeld(r.namespace, *r.record))
	case !saysSameBeside(held, r.record.Beside):
		a.warn(warnBesideHeld(*r.record, w.beside.keys))
	case r.read != nil:
		a.warn(warnReread(*r.record))
	}
	if r.alone && !r.Old.Recreates() {
		a.warn(warnAlone(*r.record))
	}
	record := *r.record
	record.Owners, record.LastApplied, record.Beside = w.wish.Owners, r.remembered(w), held
	if !r.isHeld(w) {
		record.Template = w.template
		if record.Under != nil {
			record.Under = w.wish.Template
		}
	} else if replay.SameOwners(r.record.AsIf(), record.Owners, r.record.Owners) && reflect.DeepEqual(record.LastApplied, r.record.LastApplied) && sameBeside(held, r.record.Beside) {
		return nil
	}
	return h.write(r.behind(record), a)
}

// stay keeps the stable template, the owners of its fields and what clients
// remember of it. A restart of it passes.
func (r *request) stay(a *amendment) {
	a.lastApplied = lastApplied(r.Old).Template()
	if r.touched() {
		a.template = r.Old.Template()
		a.managedFields = r.assignOwners(ownership.TemplateOwners(r.Old.ManagedFields()))
		return
	}
	r.markRestarted(r.askedHash, a)
}

// markRestarted: the stable template gets marks of a restart, by which its hash becomes this one.
// To the evaluator it is known as before. What other webhooks make of it is not known (see stampOf).
func (r *request) markRestarted(hash hold.Hash, a *amendment) {
	if hash == r.stableHash {
		return
	}
	a.set(v1alpha1.RestartedAnnotation, r.key.SealAlias(hold.Alias{Hash: hash, Of: r.alias().Resolve(r.stableHash)}, r.Old.UID()))
	r.stamp(a, hold.Passing(hash, r.Old.Generation()))
}

// assignOwners gives the fields of the template to these owners.
func (r *request) assignOwners(owners []hold.Owner) ownership.Entries {
	return ownership.WithTemplate(r.New.ManagedFields(), r.Old.ManagedFields(), owners)
}
