package deployment

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/precheck"
	"holdfast.dev/holdfast/webhook/reply"
)

// examine lets the API server look at the template that is about to be held (or
// to pass, see needsCheck), and decides anew on what it would make of it: with the sidecar that another
// webhook adds, a manifest applied again is the held template, or the stable
// one. A template that could not be checked is held as it was asked for; every
// admission sees it at the release again.
//
// It refuses what the API server refuses, and what cannot run as a canary. The
// warnings are for the user, after those that say what became of the update.
func (h *Handler) examine(ctx context.Context, r *request) (decide.Decision, error) {
	found := h.Check.ask(ctx, r.update, r.desired)
	if !r.DryRun {
		h.Metrics.checks.WithLabelValues(string(found.finding)).Inc()
	}
	switch found.finding {
	case precheck.Refused:
		return decide.Decision{}, refuseAs(found.status)
	case precheck.Accepted:
		r.warnings = append(r.warnings, found.warnings...)
		if err := r.stored(found.template); err != nil {
			return decide.Decision{}, err
		}
		r.desired, r.checked = found.template, true
		var err error
		if r.desiredHash, err = hold.HashOf(r.desired); err != nil {
			return decide.Decision{}, err
		}
	}
	d := decide.Decide(h.decisionInput(r))
	if d.Effect != decide.Hold {
		return d, nil
	}
	if !r.checked {
		r.warnings = append(r.warnings, reply.Warning(warnNotChecked(found.why)))
	}
	return d, reply.RefuseAll(precheck.Clashes(r.name, selectorOf(r.New), r.desired))
}

// needsCheck: templates are checked when they are about to be held, but not in
// a check. One that passes is checked by the API server as it is stored; but one
// that was worked out here, and is neither in the request nor in the record, has
// to be known as it is stored, for the owners of what the API server fills in.
func (r *request) needsCheck(d decide.Decision) bool {
	if r.DryRun && r.Manager == checkManager {
		return false
	}
	workedOut := r.record != nil && r.wish.Rule != intent.RuleUntouched && r.desiredHash != r.stable
	return d.Effect == decide.Hold || d.Effect == decide.Pass && workedOut
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
