package deployment

import (
	"context"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/decide"
)

// answerUser answers everybody but the evaluator, one step after the other: what
// stands, what is wanted, may it skip, what would be stored, what becomes of it.
func (h *Handler) answerUser(ctx context.Context, req admissionv1.AdmissionRequest, u update) (amendment, decide.Decision, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // of what was asked for and is not needed
	fail := func(err error) (amendment, decide.Decision, error) { return amendment{}, decide.Decision{}, err }
	demands, err := h.Policies.ForNamespace(ctx, req.Namespace)
	if err != nil {
		return fail(err)
	}
	if err := h.validateInlineChange(req.Namespace, demands, u); err != nil {
		return fail(err)
	}
	r, err := h.readRequest(ctx, req.Namespace, req.Name, demands, u)
	if err != nil {
		return fail(err)
	}
	w, err := r.findWanted()
	if err != nil {
		return fail(err)
	}
	if err := ctx.Err(); err != nil { // finding it looks at no clock, and nobody waits any more
		return fail(fmt.Errorf("find out what is asked for: %w", err))
	}
	if w.hash != r.stable && w.origin != hold.OriginImage { // who names an image for a canary asks for one
		if r.alone, err = h.isAloneNow(ctx, r); err != nil && h.FailClosed {
			return fail(err)
		} else if err != nil { // passed by mistake it runs, held by mistake it waits
			r.warnings = append(r.warnings, warnAloneUnknown(err))
			r.alone = false
		}
	}
	skip, skipped, err := h.findSkip(ctx, req.UserInfo, r, w)
	if err != nil {
		return fail(err)
	}
	if r.failed, err = h.heldHasFailed(ctx, r); err != nil {
		return fail(err)
	}
	w, decision, checks, err := h.settle(ctx, r, w, skip)
	if err != nil {
		return fail(err)
	}
	if err := ctx.Err(); err != nil {
		return fail(fmt.Errorf("check what is asked for: %w", err))
	}
	a, err := h.carryOut(ctx, r, w, decision)
	if err != nil {
		return a, decision, err
	}
	unprotected := h.protect(ctx, r, decision)
	a.warnings = slices.Concat(a.warnings, r.warnings, skipped, checks, unprotected, h.tellRoutes(ctx, r, decision), h.tellAround(ctx, r, w, decision), h.tellUnmeasured(ctx, r, w, decision),
		tellDisabledInVain(demands, u), h.inlineTraps(req.Namespace, demands, u))
	return a, decision, err
}

// heldHasFailed says whether the run that tries what is held has failed. It is asked only
// where that makes a difference.
func (h *Handler) heldHasFailed(ctx context.Context, r *request) (bool, error) {
	if r.record == nil || r.readyPods() > 0 || !r.touched() || r.demands.Guarded() {
		return false, nil
	}
	return h.History.HasFailed(ctx, r.namespace, r.record.Run)
}

func (u update) readyPods() int64 { return u.Old.Status().Count(workload.ReadyReplicas) }

// decisionInput is what a decision rests on; skip says that the user may go without
// a canary, and asks to.
func (h *Handler) decisionInput(r *request, w wanted, skip bool) decide.Input {
	v := decide.Input{
		OptedOut:  !r.demands.Guarded() && !guard.Chosen(r.New.Annotation(v1alpha1.CanaryAnnotation), h.ByNamespace),
		Insists:   r.demands.Guarded(),
		Required:  h.requires(r.demands),
		Alone:     r.alone,
		Stable:    r.stable,
		Desired:   w.version,
		RollsBack: r.history.Has(w.version),
		Skip:      skip,
		Asks:      r.touched(),
		Replicas:  r.New.Replicas(),
		// Not how many are available: that depends on minReadySeconds, which may be longer than any canary.
		Ready: r.readyPods(),
	}
	if r.record != nil {
		v.Held, v.Failed = r.held, r.failed
	}
	if rejection, ok := r.rejected.Find(w.hash, w.version); ok {
		v.Rejection = &rejection
	}
	return v
}

// carryOut turns a decision into the answer.
func (h *Handler) carryOut(ctx context.Context, r *request, w wanted, d decide.Decision) (amendment, error) {
	o := outcome{amendment: r.keepOwnMarks(), r: r, w: w, d: d, now: h.Now()}
	if d.Effect == decide.Hold || d.Reason == decide.ReasonRejected || r.mayTellOfFailed() {
		var unread error
		var err error
		if o.w.beside, unread, err = h.namedBeside(ctx, r, w); err != nil {
			return o.amendment, err
		}
		if unread != nil {
			o.warn(warnPlanUnread(unread))
		}
	}
	var id, run string
	if d.Effect == decide.Hold {
		err := validateInline(r.update)
		if err == nil {
			run, err = h.runName(ctx, r, w.hash)
		}
		if err != nil {
			return o.amendment, err
		}
		id = h.NewID()
	}
	err := o.take(id, run)
	o.stampOptIn(h.ByNamespace)
	o.sign()
	return o.amendment, err
}
