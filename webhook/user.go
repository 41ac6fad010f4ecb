package webhook

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/decide"
	"holdfast.dev/holdfast/webhook/ownership"
)

// answerUser answers everybody but the evaluator.
func (h *Handler) answerUser(ctx context.Context, req admissionv1.AdmissionRequest, u update) (answer, decide.Decision, error) {
	r := &request{update: u, namespace: req.Namespace, name: req.Name}
	if err := validateInlineChange(u); err != nil {
		return answer{}, decide.Decision{}, err
	}
	if err := h.findOut(ctx, r); err != nil {
		return answer{}, decide.Decision{}, err
	}
	if err := h.findSkip(ctx, req.UserInfo, r); err != nil {
		return answer{}, decide.Decision{}, err
	}
	decision := decide.Decide(h.view(r))
	ctrl.LoggerFrom(ctx).V(1).Info("template found", "rule", r.rule, "hash", r.desiredHash)
	if r.needsCheck(decision) {
		var err error
		if decision, err = h.examine(ctx, r); err != nil {
			return answer{}, decide.Decision{}, err
		}
	}
	a, err := h.carryOut(ctx, r, decision)
	a.warnings = append(a.warnings, r.warnings...)
	return a, decision, err
}

func (h *Handler) view(r *request) decide.View {
	v := decide.View{
		OptedOut:  r.new.optedOut(h.ByNamespace),
		Stable:    r.stable,
		Desired:   r.desiredHash,
		RollsBack: r.owned[r.desiredHash],
		Skip:      r.skip,
		Replicas:  r.new.replicas(),
		Ready:     r.old.ready(),
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
	a := r.asIs()
	if r.asksForRetry() {
		a.set(v1alpha1.RejectedAnnotation, "")
	}
	if r.new.annotation(v1alpha1.ReleaseAnnotation) != "" {
		a.warn(warnOwnAnnotation)
	}
	switch d.Effect {
	case decide.Pass:
		r.pass(&a, d)
		switch d.Reason {
		case decide.ReasonSkipped:
			return a, h.noteSkip(r, &a)
		case decide.ReasonRollback:
			return a, r.spendSkip(&a)
		}
		return a, nil
	case decide.Hold:
		return a, h.hold(ctx, r, &a)
	case decide.Keep:
		return a, h.keep(r, &a)
	case decide.Drop:
		r.drop(&a, d)
		return a, nil
	}
	return answer{}, fmt.Errorf("no effect decided (reason %q)", d.Reason)
}

func (r *request) pass(a *answer, d decide.Decision) {
	a.template = r.desired
	if r.record != nil && r.desiredHash == r.record.Hash {
		a.managedFields = ownership.WithTemplate(r.new.managedFields(), r.old.managedFields(), r.record.Owners)
	}
	a.set(v1alpha1.HeldAnnotation, "")
	switch {
	case d.Reason == decide.ReasonOptedOut: // what is not guarded has no stamp to go out of date
		a.set(v1alpha1.StableAnnotation, "")
	case r.stable != r.desiredHash:
		a.set(v1alpha1.StableAnnotation, r.stamp())
	}
	if said := warnPassed(d, r.record != nil, r.new.annotation(v1alpha1.SkipAnnotation)); said != "" {
		a.warn(said)
	}
}

// stamp is the stamp for a template that passes. What was stored, held or
// checked before is stored as it is. Other webhooks may still change anything
// else: it gets no stamp, and the evaluator gives it that of what was stored.
func (r *request) stamp() string {
	wasHeld := r.record != nil && r.record.Hash == r.desiredHash
	if r.checked || wasHeld || r.owned[r.desiredHash] {
		return string(r.desiredHash)
	}
	return ""
}

func (r *request) drop(a *answer, d decide.Decision) {
	r.stay(a)
	a.set(v1alpha1.HeldAnnotation, "")
	if d.Reason == decide.ReasonWithdrawn {
		a.warn(warnWithdrawn(*r.record))
		return
	}
	if rejection, ok := r.rejected.Find(r.desiredHash); ok {
		a.warn(warnRejected(r.namespace, r.name, rejection))
	}
}

// keep leaves template and record. A restart is the exception: the stable pods
// restart now, and the held template will carry the same mark.
func (h *Handler) keep(r *request, a *answer) error {
	r.stay(a)
	if r.touched() {
		a.warn(warnAlreadyHeld(r.namespace, *r.record))
	}
	if restartedAt(r.desired) == restartedAt(r.record.Template) {
		return nil
	}
	record := *r.record
	record.Template = r.desired
	return h.write(record, r, a)
}

func restartedAt(t hold.Template) any {
	metadata, _ := t["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	return annotations[hold.RestartedAt]
}

// stay keeps the stable template and the owners of its fields. A restart of it passes.
func (r *request) stay(a *answer) {
	if r.touched() {
		a.template = r.old.template()
		a.managedFields = ownership.WithTemplate(r.new.managedFields(), r.old.managedFields(), ownership.OfTemplate(r.old.managedFields()))
	}
}
