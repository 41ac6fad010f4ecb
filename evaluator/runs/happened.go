package runs

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/room"
)

// logOf is the log to be written with a status, and whether it is to be written whatever that says.
func (r *Reconciler) logOf(ctx context.Context, seen gather.Observed, after v1alpha1.CanaryRunStatus) (log *v1alpha1.TransitionLog, isDue bool) {
	before, delivered := seen.CanaryRun.Status, r.delivered(seen.CanaryRun)
	happened := append(r.happened(ctx, seen, after), r.told.run(seen.CanaryRun).unlogged...)
	for i := range happened {
		happened[i].Message = plaintext.Line(happened[i].Message, maxMessage)
	}
	wait, isTold := lifecycle.Forgettable(before, delivered, seen.Now)
	return lifecycle.Logged(before.Transitions, delivered, seen.Now, happened), len(happened) > 0 || isTold && wait == 0
}

// happened is what happens to a run by the write of a status.
func (r *Reconciler) happened(ctx context.Context, seen gather.Observed, after v1alpha1.CanaryRunStatus) []lifecycle.Transition {
	before := seen.CanaryRun.Status
	out := r.held(ctx, seen, after)
	for _, t := range lifecycle.Transitions(before, after) {
		switch decisionOf(t, after) {
		case tell.DecisionPromote, tell.DecisionAbort:
			t.Message += r.decidedBy(ctx, seen.CanaryRun)
		}
		out = append(out, t)
		if t.Kind == lifecycle.TransitionStarted {
			out = append(out, r.autoscalersThatCount(ctx, seen)...)
		}
	}
	if isSuperseded(before, after) {
		out = append(out, r.overtaken(ctx, seen, after)...)
	}
	return out
}

// held is told with the first status of a run.
func (r *Reconciler) held(ctx context.Context, seen gather.Observed, after v1alpha1.CanaryRunStatus) []lifecycle.Transition {
	run := seen.CanaryRun
	if run.Spec.ByHand() || run.Status.Phase != "" || after.Phase == "" {
		return nil
	}
	out := []lifecycle.Transition{tell.Held(run)}
	if len(run.Spec.Policies) > 0 {
		out = append(out, tell.PolicyApplied(run))
	}
	if doubts := r.doubts(ctx, seen); len(doubts) > 0 {
		out = append(out, tell.RoomDoubtful(doubts))
	}
	return out
}

// doubts say by which fields of the Deployment there may be no room for the canary, as the webhook did to who
// applied the update.
func (r *Reconciler) doubts(ctx context.Context, seen gather.Observed) []string {
	record, err := seen.Record(r.Objects)
	if err != nil || record == nil { // one that is no longer what it was is told of elsewhere
		return nil
	}
	stable, err := seen.StableTemplate(ctx, r.Objects)
	if err != nil {
		if client.IgnoreNotFound(err) != nil {
			ctrl.LoggerFrom(ctx).Info("it is not known whether there is room for the canary", "why", err.Error())
		}
		return nil
	}
	return room.Doubts(seen.DeploymentObject.View(), stable, record.Template)
}

func isSuperseded(before, after v1alpha1.CanaryRunStatus) bool {
	return before.Phase != v1alpha1.PhaseSuperseded && after.Phase == v1alpha1.PhaseSuperseded
}
