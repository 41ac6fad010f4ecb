package deployment

import (
	"context"
	"math"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/size"
	"holdfast.dev/holdfast/internal/room"
	"holdfast.dev/holdfast/webhook/reply"
)

// hold makes a record of the desired template.
func (h *Handler) hold(ctx context.Context, r *request, w wanted, a *amendment) error {
	if err := validateInline(r.update); err != nil {
		return err
	}
	run, err := h.runName(ctx, r, w.hash)
	if err != nil {
		return err
	}
	record := hold.Record{
		ID: h.NewID(), Run: run, Hash: w.hash, UID: r.Old.UID(), HeldAt: h.Now(),
		Origin: w.origin, Manager: r.Manager, Operation: r.operation(), Declared: r.declared(), Read: r.readDuring(), User: r.User,
		Template: w.template, Owners: w.wish.Owners, LastApplied: r.remembered(w),
	}
	if w.version != w.hash {
		record.Version = w.version
	}
	if w.origin == hold.OriginImage {
		record.Under = w.wish.Template
	}
	record.Beside = w.beside.inRecord(standing(r.Old, w.beside.keys), r.waits())
	r.stay(a)
	r.stayBeside(w.beside.keys, a)
	switch first := r.onTrial(); {
	case r.returns(w.version, w.origin, r.marks):
		record.ID, record.Run, record.Hash, record.Version, record.HeldAt = first.ID, first.Run, first.Hash, first.Version, first.HeldAt
		a.warn(warnReturned(r.namespace, record))
	case r.waits() && h.write(r.behind(record), a) == nil:
		a.warn(warnWaiting(r.namespace, *first))
		a.warnTaken(w.wish.Taken)
		return nil
	case first != nil: // also where both do not fit on the object
		a.warn(warnSuperseding(r.namespace, *first, record))
	default:
		a.warn(warnHeld(r.namespace, r.name, record))
	}
	a.warnTaken(w.wish.Taken)
	for _, doubt := range room.Doubts(r.New, r.Old.Template(), w.template) {
		a.warn("there may be no room for the canary: " + doubt)
	}
	if r.plan != nil {
		if why := size.Unscalable(r.plan.HPA(), w.template); why != "" {
			a.warn("the canary will not be scaled: " + why)
		}
	}
	if short := r.deadlineTooShort(); short != "" {
		a.warn(short)
	}
	return h.write(record, a)
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
func (h *Handler) write(record hold.Record, a *amendment) error {
	encoded, err := h.Key.Seal(record)
	if err != nil {
		return err
	}
	a.set(v1alpha1.HeldAnnotation, encoded)
	a.remember()
	if size := annotationBytes(a.annotations); size > maxAnnotations {
		return reply.Refuse("the held pod template does not fit into the Deployment: its annotations would take %d bytes (%d of them the held record) and may take %d; "+
			"move long values of spec.template into a ConfigMap, use kubectl apply --server-side, or annotate the Deployment with %s=%s to update it without a canary",
			size, len(encoded), maxAnnotations, v1alpha1.CanaryAnnotation, v1alpha1.CanaryDisabled)
	}
	return nil
}
