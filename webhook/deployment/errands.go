package deployment

import (
	"context"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/webhook/deployment/history"
)

// errands are what an update that is about to be held asks the API server while that checks its
// template: they take some milliseconds each, and none needs the answer to another. An update that
// is not held after all leaves them: their context ends with the request.
type errands struct {
	hash   hold.Hash
	run    func() named // the name of a run of the template with the hash
	around around
}

// named is the name that is free for a run.
type named struct {
	run string
	err error
}

// around is what is found out about what stands beside the Deployment.
type around struct {
	stable   surround.PodTemplate
	services func() []surround.Service // that there are
	gone     func() []surround.Reference
}

func (h *Handler) sendErrands(ctx context.Context, r *request, hash hold.Hash) *errands {
	return &errands{hash: hash, run: aside(func() named { return h.nameRun(ctx, r, hash) }), around: h.lookAround(ctx, r)}
}

func (h *Handler) nameRun(ctx context.Context, r *request, hash hold.Hash) (n named) {
	n.run, n.err = h.History.RunName(ctx, r.namespace, r.name, hash)
	return n
}

// runName is a name for a run of the template that is held. Mostly it was asked for by now; not where the
// API server would store another template than was sent.
func (h *Handler) runName(ctx context.Context, r *request, hash hold.Hash) (string, error) {
	if r.errands != nil && r.errands.hash == hash {
		n := r.errands.run()
		return n.run, n.err
	}
	n := h.nameRun(ctx, r, hash)
	return n.run, n.err
}

// lookAround is worth no more than history.Time; what is not known by then is not told.
func (h *Handler) lookAround(ctx context.Context, r *request) around {
	stable := surround.Read(r.Old.Template())
	return around{
		stable: stable,
		services: aside(func() []surround.Service {
			ctx, cancel := dispensable(ctx, history.Time)
			defer cancel()
			return h.History.Services(ctx, r.namespace)
		}),
		gone: aside(func() []surround.Reference {
			ctx, cancel := dispensable(ctx, history.Time)
			defer cancel()
			return h.History.Gone(ctx, r.namespace, stable.Needs)
		}),
	}
}
