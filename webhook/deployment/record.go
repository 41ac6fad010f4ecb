package deployment

import (
	"math"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/size"
	"holdfast.dev/holdfast/internal/room"
	"holdfast.dev/holdfast/webhook/reply"
)

// hold makes a record of the desired template, under an ID and the name of a run.
func (o *outcome) hold(id, run string) error {
	record := hold.Record{
		ID: id, Run: run, Hash: o.w.hash, UID: o.r.Old.UID(), HeldAt: o.now,
		Origin: o.w.origin, Manager: o.r.Manager, Operation: o.r.operation(), Declared: o.r.declared(), Read: o.r.readDuring(), User: o.r.User,
		Template: o.w.template, Owners: o.w.wish.Owners, LastApplied: o.r.remembered(o.w),
	}
	if o.w.version != o.w.hash {
		record.Version = o.w.version
	}
	if o.w.origin == hold.OriginImage {
		record.Under = o.w.wish.Template
	}
	record.Beside = o.w.beside.inRecord(standing(o.r.Old, o.w.beside.keys), o.r.waits())
	o.stay()
	o.stayBeside()
	switch first := o.r.onTrial(); {
	case o.r.returns(o.w.version, o.w.origin, o.r.marks):
		record.ID, record.Run, record.Hash, record.Version, record.HeldAt = first.ID, first.Run, first.Hash, first.Version, first.HeldAt
		o.warn(warnReturned(o.r.namespace, record))
	case o.r.waits() && o.write(o.r.queued(record)) == nil:
		o.warn(warnWaiting(o.r.namespace, *first))
		o.warnTaken(o.w.wish.Taken)
		return nil
	case first != nil: // also where both do not fit on the object
		o.warn(warnSuperseding(o.r.namespace, *first, record))
	default:
		o.warn(warnHeld(o.r.namespace, o.r.name, record))
	}
	o.warnTaken(o.w.wish.Taken)
	for _, doubt := range room.Doubts(o.r.New, o.r.Old.Template(), o.w.template) {
		o.warn("there may be no room for the canary: " + doubt)
	}
	if o.r.plan != nil {
		if why := size.Unscalable(o.r.plan.HPA(), o.w.template); why != "" {
			o.warn("the canary will not be scaled: " + why)
		}
	}
	if short := o.r.deadlineTooShort(); short != "" {
		o.warn(short)
	}
	return o.write(record)
}

// deadlineTooShort says why the update cannot pass within the deadline of the plan.
func (r *request) deadlineTooShort() string {
	if r.plan == nil {
		return ""
	}
	return plan.TooShort(*r.plan, time.Duration(r.New.MinReadySeconds())*time.Second, int32(min(r.New.Replicas(), math.MaxInt32)))
}

// waits says whether what is held now is tried after the run that is under way, by the plan.
// Whether there is anything to finish the evaluator knows: what has no canary yet, or waits for
// a person with a verdict, it has superseded all the same.
func (r *request) waits() bool {
	return r.record != nil && r.plan != nil && r.plan.NewUpdates == v1alpha1.NewUpdatesWait
}

// write seals the record into the answer, or refuses what does not fit.
func (o *outcome) write(record hold.Record) error {
	encoded, err := o.r.key.Seal(record)
	if err != nil {
		return err
	}
	o.set(v1alpha1.HeldAnnotation, encoded)
	o.remember()
	if size := annotationBytes(o.annotations); size > maxAnnotations {
		return reply.Refuse("the held pod template does not fit into the Deployment: its annotations would take %d bytes (%d of them the held record) and may take %d; "+
			"move long values of spec.template into a ConfigMap, use kubectl apply --server-side, or annotate the Deployment with %s=%s to update it without a canary",
			size, len(encoded), maxAnnotations, v1alpha1.CanaryAnnotation, v1alpha1.CanaryDisabled)
	}
	return nil
}
