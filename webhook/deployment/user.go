package deployment

import (
	"context"
	"fmt"
	"reflect"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	ctrl "sigs.k8s.io/controller-runtime"

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

// answerUser answers everybody but the evaluator.
func (h *Handler) answerUser(ctx context.Context, req admissionv1.AdmissionRequest, u update) (answer, decide.Decision, error) {
	r := &request{update: u, namespace: req.Namespace, name: req.Name}
	var err error
	if r.demands, err = h.Policies.ForNamespace(ctx, req.Namespace); err != nil {
		return answer{}, decide.Decision{}, err
	}
	if err := h.validateInlineChange(req.Namespace, r.demands, u); err != nil {
		return answer{}, decide.Decision{}, err
	}
	if err := h.findOut(ctx, r); err != nil {
		return answer{}, decide.Decision{}, err
	}
	if label := r.stale(); label != nil {
		r.warnings = append(r.warnings, reply.Warning(warnStale(*label, r.stable, r.Old.UID())))
	}
	if err := ctx.Err(); err != nil { // what finds out looks at no clock, and nobody waits any more
		return answer{}, decide.Decision{}, fmt.Errorf("find out what is asked for: %w", err)
	}
	if err := h.findSkip(ctx, req.UserInfo, r); err != nil {
		return answer{}, decide.Decision{}, err
	}
	decision := decide.Decide(h.decisionInput(r))
	ctrl.LoggerFrom(ctx).V(1).Info("template found", "rule", r.wish.Rule, "hash", r.desiredHash)
	if r.needsCheck(decision) {
		if decision, err = h.examine(ctx, r); err != nil {
			return answer{}, decide.Decision{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return answer{}, decide.Decision{}, fmt.Errorf("check what is asked for: %w", err)
	}
	a, err := h.carryOut(ctx, r, decision)
	a.warnings = append(a.warnings, r.warnings...)
	a.warnings = append(a.warnings, tellDisabledInVain(r.demands, u)...)
	a.warnings = append(a.warnings, h.inlineTraps(req.Namespace, r.demands, u)...)
	return a, decision, err
}

func (h *Handler) decisionInput(r *request) decide.Input {
	v := decide.Input{
		OptedOut:  !r.demands.Guarded() && !guard.Chosen(r.New.Annotation(v1alpha1.CanaryAnnotation), h.ByNamespace),
		Insists:   r.demands.Guarded(),
		Stable:    r.stable,
		Desired:   r.desiredHash,
		RollsBack: r.history.has(r.desiredHash),
		Skip:      r.skip,
		Replicas:  r.New.Replicas(),
		// Not how many are available: that depends on minReadySeconds, which may be longer than any canary.
		Ready: r.Old.Status().Count(workload.ReadyReplicas),
	}
	if r.record != nil {
		v.Held = r.record.Hash
	}
	if rejection, ok := r.rejected.Find(r.desiredHash); ok {
		v.Rejection = &rejection
	}
	return v
}

// carryOut turns a decision into the answer.
func (h *Handler) carryOut(ctx context.Context, r *request, d decide.Decision) (answer, error) {
	a := r.keepOwnMarks()
	if r.asksForRetry() {
		a.set(v1alpha1.RejectedAnnotation, "")
	}
	r.markFailed(&a, d)
	if r.New.Annotation(v1alpha1.ReleaseAnnotation) != "" {
		a.warn(warnOwnAnnotation)
	}
	var err error
	switch d.Effect {
	case decide.Pass:
		r.pass(&a, d)
		switch d.Reason {
		case decide.ReasonSkipped:
			err = h.noteSkip(r, &a)
		case decide.ReasonRollback:
			err = r.spendSkip(&a)
		}
	case decide.Hold:
		err = h.hold(ctx, r, &a)
	case decide.Keep:
		err = h.keep(r, &a)
	case decide.Drop:
		err = r.drop(&a, d)
	default:
		err = fmt.Errorf("no effect decided (reason %q)", d.Reason)
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

func (r *request) pass(a *answer, d decide.Decision) {
	a.template = r.desired
	if r.record != nil {
		a.managedFields = r.assignOwners(r.wish.Owners)
	}
	a.set(v1alpha1.HeldAnnotation, "")
	a.lastApplied = r.remembered()
	switch {
	case d.Reason == decide.ReasonOptedOut: // what is not guarded has no stamp to go out of date
		a.set(v1alpha1.StableAnnotation, "")
	case r.stable != r.desiredHash:
		a.set(v1alpha1.StableAnnotation, r.stamp())
	}
	if said := warnPassed(d, r.record != nil, r.New.Annotation(v1alpha1.SkipAnnotation)); said != "" {
		a.warn(said)
	}
}

// stamp is the stamp for a template that passes. What was stored, held or
// checked before is stored as it is. Other webhooks may still change anything
// else: it gets no stamp, and the evaluator gives it that of what was stored.
func (r *request) stamp() string {
	wasHeld := r.record != nil && r.record.Hash == r.desiredHash
	if r.checked || wasHeld || r.history.has(r.desiredHash) {
		return string(r.desiredHash)
	}
	return ""
}

// drop leaves the stable template, and no record.
func (r *request) drop(a *answer, d decide.Decision) error {
	r.stay(a)
	a.set(v1alpha1.HeldAnnotation, "")
	if d.Reason != decide.ReasonWithdrawn {
		if rejection, ok := r.rejected.Find(r.desiredHash); ok {
			a.warn(warnRejected(r.namespace, r.name, rejection))
		}
		return nil
	}
	a.warn(warnWithdrawn(*r.record, r.wish.Rule == intent.RuleUndo))
	switch r.wish.Rule {
	case intent.RuleWithdraw:
		return nil
	case intent.RuleUndo: // it brings the template and the annotations of an earlier revision
		a.template = r.Old.Template()
		a.managedFields = ownership.WithTemplate(r.Old.ManagedFields(), r.Old.ManagedFields(), r.wish.Owners)
		a.annotate(r.Old, r.Old)
		a.set(v1alpha1.HeldAnnotation, "")
		a.lastApplied = r.record.LastApplied // an undo leaves alone what kubectl remembers
		return nil
	}
	if hold.Restarted(r.desired) != hold.Restarted(a.template) { // the stable template but for a restart, which passes
		a.template = r.desired
	}
	if err := r.stored(a.template); err != nil {
		return err
	}
	a.managedFields, a.lastApplied = r.assignOwners(r.wish.Owners), r.remembered()
	return nil
}

// keep leaves template and record. What may change is who owns the fields of the
// held template, and the mark of a restart: the stable pods restart now, and the
// held template will carry the same mark.
func (h *Handler) keep(r *request, a *answer) error {
	r.stay(a)
	if r.touched() {
		a.warn(warnAlreadyHeld(r.namespace, *r.record))
	}
	record := *r.record
	record.Owners, record.LastApplied = r.wish.Owners, r.remembered()
	if hold.Restarted(r.desired) != hold.Restarted(r.record.Template) {
		record.Template = r.desired
		if record.Under != nil {
			record.Under = r.wish.Template
		}
	} else if replay.SameOwners(r.record.AsIf(), record.Owners, r.record.Owners) && reflect.DeepEqual(record.LastApplied, r.record.LastApplied) {
		return nil
	}
	return h.write(record, a)
}

// stay keeps the stable template, the owners of its fields and what clients
// remember of it. A restart of it passes.
func (r *request) stay(a *answer) {
	a.lastApplied = lastApplied(r.Old).Template()
	if r.touched() {
		a.template = r.Old.Template()
		a.managedFields = r.assignOwners(ownership.TemplateOwners(r.Old.ManagedFields()))
	}
}

// assignOwners gives the fields of the template to these owners.
func (r *request) assignOwners(owners []hold.Owner) ownership.Entries {
	return ownership.WithTemplate(r.New.ManagedFields(), r.Old.ManagedFields(), owners)
}
