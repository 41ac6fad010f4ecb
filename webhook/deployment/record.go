package deployment

import (
	"context"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/room"
	"holdfast.dev/holdfast/webhook/reply"
)

// hold makes a record of the desired template.
func (h *Handler) hold(ctx context.Context, r *request, w wanted, a *answer) error {
	if err := validateInline(r.update); err != nil {
		return err
	}
	run, err := h.History.RunName(ctx, r.namespace, r.name, w.hash)
	if err != nil {
		return err
	}
	record := hold.Record{
		ID: h.NewID(), Run: run, Hash: w.hash, UID: r.Old.UID(), HeldAt: h.Now(),
		Source: w.source, Manager: r.Manager, Operation: r.operation(), Declared: r.declared(), Read: r.readDuring(), User: r.User,
		Template: w.template, Owners: w.wish.Owners, LastApplied: r.remembered(w),
	}
	if w.source == hold.SourceImage {
		record.Under = w.wish.Template
	}
	r.stay(a)
	if r.record == nil {
		a.warn(warnHeld(r.namespace, r.name, record))
	} else {
		a.warn(warnSuperseding(r.namespace, *r.record, record))
	}
	a.warnTaken(w.wish.Taken)
	for _, doubt := range room.Doubts(r.New, r.Old.Template(), w.template) {
		a.warn("there may be no room for the canary: " + doubt)
	}
	return h.write(record, a)
}

// write seals the record into the answer, or refuses what does not fit.
func (h *Handler) write(record hold.Record, a *answer) error {
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
