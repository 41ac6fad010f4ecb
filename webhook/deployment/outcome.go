package deployment

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
	"holdfast.dev/holdfast/webhook/reply"
)

// outcome is what becomes of the object of a request by what was decided.
type outcome struct {
	amendment
	r   *request
	w   wanted
	d   decide.Decision
	now time.Time
}

// take has the decision take effect; id and run are for an update that is held.
func (o *outcome) take(id, run string) error {
	if o.r.asksForRetry() {
		o.set(v1alpha1.RejectedAnnotation, "")
	}
	o.markFailed()
	if o.r.New.Annotation(v1alpha1.ReleaseAnnotation) != "" {
		o.warn(warnOwnAnnotation)
	}
	switch o.d.Effect {
	case decide.Pass:
		return o.pass()
	case decide.Refuse:
		return reply.Refuse("Deployment %s is not updated: %s", o.r.name, refusalAlone(o.r.demands))
	case decide.Hold:
		return o.hold(id, run)
	case decide.Keep:
		return o.keep()
	case decide.Drop:
		return o.drop()
	}
	return fmt.Errorf("no effect decided (reason %q)", o.d.Reason)
}

// sign says on the object what clients are to remember, and who asked for what is held or failed.
func (o *outcome) sign() {
	if o.r.DryRun { // nobody is to have a stamp of what is not stored
		o.set(v1alpha1.StableAnnotation, o.r.Old.Annotation(v1alpha1.StableAnnotation))
	}
	o.remember()
	requester := nobody
	if o.d.Effect == decide.Hold || o.d.Reason == decide.ReasonRejected {
		requester = ownership.Holder{
			Manager: o.r.fieldManager(), Operation: o.r.operation(), APIVersion: "apps/v1", Time: o.now.UTC().Format(time.RFC3339),
		}
	}
	o.attribute(o.r.update, requester)
}

// pass lets the template through, without a record.
func (o *outcome) pass() error {
	o.template = o.w.template
	if o.r.record != nil {
		o.managedFields = o.assignOwners(o.w.wish.Owners)
	}
	o.set(v1alpha1.HeldAnnotation, "")
	o.lastApplied = o.r.remembered(o.w)
	o.set(v1alpha1.RestartedAnnotation, o.r.key.SealAlias(hold.Alias{Hash: o.w.hash, Of: o.knownAs()}, o.r.Old.UID()))
	switch {
	case o.r.record != nil:
		o.place(o.w.beside, o.r.update)
	case o.d.Reason == decide.ReasonUnchanged && o.tellsOfFailed():
		o.warn(warnBesideFailed(o.w.beside.keys))
		o.stayBeside()
	}
	switch {
	case o.d.Reason == decide.ReasonOptedOut: // what is not guarded has no stamp to go out of date
		o.set(v1alpha1.StableAnnotation, "")
	case o.r.stableHash != o.w.hash:
		o.stamp(o.stampOf())
	}
	if said := warnPassed(o.d, o.r.record != nil, o.r.New.Annotation(v1alpha1.SkipAnnotation)); said != "" {
		o.warn(said)
	}
	switch o.d.Reason {
	case decide.ReasonSkipped:
		return o.noteSkip()
	case decide.ReasonRollback:
		return o.r.spendSkip(&o.amendment)
	case decide.ReasonRecreate:
		return o.noteUntried()
	}
	return nil
}

// noteSkip leaves the trace of a skip: the value is used up, and a rejection of
// the template is forgotten.
func (o *outcome) noteSkip() error {
	skipped, err := hold.Skipped{
		Reason: o.r.New.Annotation(v1alpha1.SkipAnnotation), Hash: o.knownAs(), User: o.r.User, At: o.now,
	}.Encode()
	if err != nil {
		return err
	}
	rejection, _ := o.r.rejected.Find(o.w.hash, o.w.version)
	rejected, err := o.r.rejected.Without(rejection.Hash).Encode()
	if err != nil {
		return err
	}
	o.set(v1alpha1.SkippedAnnotation, skipped)
	o.set(v1alpha1.RejectedAnnotation, rejected)
	return nil
}

// noteUntried leaves the trace of an update that passed without a canary, for the evaluator to tell of.
func (o *outcome) noteUntried() error {
	encoded, err := hold.Skipped{Reason: v1alpha1.ReasonRecreate, Hash: o.w.hash, User: o.r.User, At: o.now}.Encode()
	if err != nil {
		return err
	}
	o.set(v1alpha1.UntriedAnnotation, encoded)
	return nil
}

// drop leaves the stable template, and no record.
func (o *outcome) drop() error {
	o.stay()
	o.set(v1alpha1.HeldAnnotation, "")
	if o.d.Reason != decide.ReasonWithdrawn {
		o.stayBeside()
		if rejection, ok := o.r.rejected.Find(o.w.hash, o.w.version); ok {
			o.warn(warnRejected(o.r.namespace, o.r.name, rejection))
		}
		return nil
	}
	o.warn(warnWithdrawn(*o.r.record, o.w.wish.Rule == intent.RuleUndo))
	switch o.w.wish.Rule {
	case intent.RuleWithdraw:
		o.stayBeside()
		return nil
	case intent.RuleUndo: // it brings the template and the annotations of an earlier revision
		o.template = o.r.Old.Template()
		o.managedFields = ownership.WithTemplate(o.r.Old.ManagedFields(), o.r.Old.ManagedFields(), o.w.wish.Owners)
		o.annotate(o.r.Old, o.r.Old)
		o.stayBeside()
		o.set(v1alpha1.HeldAnnotation, "")
		o.lastApplied = o.r.record.LastApplied // an undo leaves alone what kubectl remembers
		return nil
	}
	if !o.r.stands(o.w) { // the stable template but for a restart, which passes
		o.template = o.w.template
		o.markRestarted(o.w.hash)
	}
	hash, _, err := o.r.hashes(o.template)
	if err != nil {
		return err
	}
	if o.w, err = o.r.asStored(o.w, o.template, hash); err != nil {
		return err
	}
	o.managedFields, o.lastApplied = o.assignOwners(o.w.wish.Owners), o.r.remembered(o.w)
	o.place(o.w.beside, o.r.update)
	return nil
}

// keep leaves template and record. What may change is who owns the fields of the
// held template, and the mark of a restart: the stable pods restart now, and the
// held template will carry the same mark.
func (o *outcome) keep() error {
	o.stay()
	o.stayBeside()
	held := o.w.beside.inRecord(standing(o.r.Old, o.w.beside.keys), o.r.first != nil)
	if o.r.record.Beside != nil && slices.Equal(o.r.record.Beside.Keys, o.w.beside.keys) && o.w.beside.same(recorded(*o.r.record, o.r.Old, o.w.beside.keys)) {
		held = o.r.record.Beside // also where it says what stands on the object: another update was before it once
	}
	switch {
	case o.r.touched():
		o.warn(warnAlreadyHeld(o.r.namespace, *o.r.record))
	case !saysSameBeside(held, o.r.record.Beside):
		o.warn(warnBesideHeld(*o.r.record, o.w.beside.keys))
	case o.r.read != nil:
		o.warn(warnReread(*o.r.record))
	}
	if o.r.alone && !o.r.Old.Recreates() {
		o.warn(warnAlone(*o.r.record))
	}
	record := *o.r.record
	record.Owners, record.LastApplied, record.Beside = o.w.wish.Owners, o.r.remembered(o.w), held
	if !o.r.isHeld(o.w) {
		record.Template = o.w.template
		if record.Under != nil {
			record.Under = o.w.wish.Template
		}
	} else if replay.SameOwners(o.r.record.AsIf(), record.Owners, o.r.record.Owners) && reflect.DeepEqual(record.LastApplied, o.r.record.LastApplied) && sameBeside(held, o.r.record.Beside) {
		return nil
	}
	return o.write(o.r.queued(record))
}

// markFailed says whether tools that wait are to see a failure: as long as the
// template that was last asked for is a rejected one. Requests that ask for no
// template (scale, label, a controller's) leave that as it is.
func (o *outcome) markFailed() {
	switch {
	case o.d.Reason == decide.ReasonRejected:
		rejection, _ := o.r.rejected.Find(o.w.hash, o.w.version)
		o.set(v1alpha1.FailedAnnotation, string(rejection.Hash))
	case o.d.Reason == decide.ReasonUnchanged && !o.r.asksForRetry() && !o.r.declaresTemplate():
	default:
		o.set(v1alpha1.FailedAnnotation, "")
	}
}

// tellsOfFailed says whether it changes those that tell of a template: it is of the rejected one that they
// tell.
func (o *outcome) tellsOfFailed() bool {
	return o.r.mayTellOfFailed() && !maps.Equal(o.w.beside.annotations, standing(o.r.Old, o.w.beside.keys).annotations)
}
