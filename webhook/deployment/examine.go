package deployment

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/precheck"
	"holdfast.dev/holdfast/webhook/reply"
)

// settle decides what becomes of the template that is wanted. One that would be held
// is examined first, and the decision is made on what the API server would store. It
// refuses what cannot run as a canary.
func (h *Handler) settle(ctx context.Context, r *request, w wanted, skip bool) (wanted, decide.Decision, []string, error) {
	asAsked := decide.Decide(h.decisionInput(r, w, skip))
	ctrl.LoggerFrom(ctx).V(1).Info("template found", "rule", w.wish.Rule, "hash", w.hash)
	if !r.needsCheck(w, asAsked) {
		return w, asAsked, nil, nil
	}
	if asAsked.Effect == decide.Hold {
		r.errands = h.sendErrands(ctx, r, w.hash)
	}
	w, warnings, why, err := h.examine(ctx, r, w)
	if err != nil {
		return w, decide.Decision{}, nil, err
	}
	asStored := decide.Decide(h.decisionInput(r, w, skip))
	if asStored.Effect != decide.Hold {
		return w, asStored, warnings, nil
	}
	if why != nil {
		warnings = append(warnings, reply.Warning(warnNotChecked(why)))
	}
	return w, asStored, warnings, reply.RefuseAll(precheck.Clashes(r.name, selectorOf(r.New), w.template))
}

// examine lets the API server look at the template that is about to be held (or
// to pass, see needsCheck), and returns what it would make of it: with the sidecar that
// another webhook adds, a manifest applied again is the held template, or the stable
// one. A template that could not be checked stays as it was asked for; every
// admission sees it at the release again. why says what kept it from being checked.
//
// It refuses what the API server refuses.
func (h *Handler) examine(ctx context.Context, r *request, w wanted) (checked wanted, warnings []string, why, err error) {
	found := h.check(ctx, r, w)
	if !r.DryRun {
		h.Metrics.checks.WithLabelValues(string(found.finding)).Inc()
	}
	switch found.finding {
	case precheck.Refused:
		return w, nil, nil, refuseAs(found.status)
	case precheck.NotChecked:
		return w, nil, found.why, nil
	}
	hash, version := w.hash, w.version
	if !hold.Equal(found.template, w.template) {
		if hash, version, err = r.hashes(found.template); err != nil {
			return w, nil, nil, err
		}
	}
	if w, err = r.asStored(w, found.template, hash); err != nil {
		return w, nil, nil, err
	}
	w.template, w.hash, w.version, w.checked = found.template, hash, version, true
	return w, found.warnings, nil, nil
}

// isLikelyHeld says whether the template in the request is most likely the one that will be held. The API
// server is asked about it at once then, beside what it takes to be sure: a user waits for both, and longer
// for the check. It is in vain for a rollback, and costs the API server a dry run.
func (r *request) isLikelyHeld() bool {
	return r.record == nil && !r.isCheck() && !r.New.Recreates() &&
		r.New.Annotation(v1alpha1.SkipAnnotation) == "" && r.New.Annotation(v1alpha1.CanaryImageAnnotation) == "" &&
		hold.Restarted(r.New.Template()) == hold.Restarted(r.Old.Template())
}

func (h *Handler) checkAhead(ctx context.Context, r *request) func() checked {
	template, besides := r.New.Template(), standing(r.New, keysOf(nil))
	return aside(func() checked { return h.Check.ask(ctx, r.update, template, besides) })
}

// check asks the API server about the template that is wanted, if it has not been asked yet. Where nothing is
// held the template of the request is what is wanted, with what stands beside it there.
func (h *Handler) check(ctx context.Context, r *request, w wanted) checked {
	if r.ahead != nil && r.record == nil && w.origin == hold.OriginTemplate {
		return r.ahead()
	}
	return h.Check.ask(ctx, r.update, w.template, w.beside)
}

// isCheck says whether a request is a check of Holdfast's own.
func (r *request) isCheck() bool { return r.DryRun && r.Manager == checkManager }

// needsCheck: templates are checked when they are about to be held, but not in
// a check. One that passes is checked by the API server as it is stored; but one
// that was worked out here, and is neither in the cluster nor in the record, has
// to be known as it is stored, for the owners of what the API server fills in.
func (r *request) needsCheck(w wanted, d decide.Decision) bool {
	if r.isCheck() {
		return false
	}
	if d.Effect == decide.Hold {
		return true
	}
	if r.record == nil || w.wish.Rule == intent.RuleUntouched {
		return false
	}
	switch {
	case d.Effect == decide.Pass, d.Reason == decide.ReasonWithdrawn:
		return !r.stands(w)
	case d.Effect == decide.Keep:
		return !r.isHeld(w)
	}
	return false
}

// stands says whether the template that is wanted is the stable one, down to the mark of a restart.
func (r *request) stands(w wanted) bool {
	return w.hash == r.stableHash && hold.Restarted(w.template) == hold.Restarted(r.Old.Template())
}

// isHeld says whether it is the held one, down to the mark of a restart.
func (r *request) isHeld(w wanted) bool {
	return w.hash == r.heldHash && hold.Restarted(w.template) == hold.Restarted(r.record.Template)
}

// refuseAs refuses with what the API server says of a template, the reason,
// code and fields with it, so that clients show them as if it had been asked
// for without Holdfast.
func refuseAs(status metav1.Status) error {
	return reply.Refusal{
		Message: fmt.Sprintf("the API server refuses the new pod template: %s", status.Message),
		Status:  &status,
	}
}
