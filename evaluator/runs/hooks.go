package runs

import (
	"context"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/runs/gather"
)

// Hooks are asked as policies demand now, also for a run under way.

// putQuestions puts the questions of a plan whose status is kept.
func (r *Reconciler) putQuestions(ctx context.Context, seen gather.Observed, questions []lifecycle.HookQuestion) error {
	if len(questions) == 0 {
		return nil
	}
	demands, err := r.Objects.DemandsIn(ctx, seen.CanaryRun.Namespace)
	if err != nil {
		return err
	}
	r.Hooks.Put(ctx, seen.CanaryRun, demands, questions)
	return nil
}

// besideRound asks what goes with a round; nil if nothing does.
func (r *Reconciler) besideRound(ctx context.Context, seen gather.Observed, questions []lifecycle.HookQuestion) (measure.AskHooks, error) {
	if len(questions) == 0 {
		return nil, nil
	}
	demands, err := r.Objects.DemandsIn(ctx, seen.CanaryRun.Namespace)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) map[string]lifecycle.HookReply {
		return r.Hooks.AskAll(ctx, seen.CanaryRun, demands, questions)
	}, nil
}
