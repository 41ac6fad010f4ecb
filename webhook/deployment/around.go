package deployment

import (
	"context"

	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/history"
	"holdfast.dev/holdfast/webhook/reply"
)

// What stands beside a Deployment is not held with its template. Who applies is told where that
// leaves the stable pods without something; the evaluator goes on looking.

// tellAround warns whoever asks for a template that is held. Who asks for it again, as tools do every
// few minutes, is told what the evaluator has found.
func (h *Handler) tellAround(ctx context.Context, r *request, w wanted, d decide.Decision) []string {
	switch {
	case d.Effect == decide.Keep && r.touched():
		ctx, cancel := dispensable(ctx, history.Time)
		defer cancel()
		return h.History.Findings(ctx, r.namespace, r.record.Run)
	case d.Effect != decide.Hold:
		return nil
	}
	heldAt := h.Now()
	if r.record != nil {
		heldAt = r.record.HeldAt
	}
	if r.errands == nil {
		r.errands = &errands{around: h.lookAround(ctx, r)}
	}
	look := r.errands.around
	var out []string
	if left := surround.Left(look.services(), look.stable, surround.Read(w.template), heldAt); len(left) > 0 {
		out = append(out, reply.Warning(surround.TellLeft(left)))
	}
	if gone := look.gone(); len(gone) > 0 {
		out = append(out, reply.Warning(surround.TellGone(gone)))
	}
	return out
}
