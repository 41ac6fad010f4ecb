package deployments

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/hold"
)

// clocksApart is by how much the clock of the replica that let an update pass may be ahead of this one's.
const clocksApart = time.Minute

// tellPassed says which updates passed without a canary, by whom and why: those that their users had skip it,
// and those of Deployments that are to be alone. The annotations that say so stay; another has the time of
// the last that was told. It is written after telling, so that each is told, and by one evaluator once.
func (r *Reconciler) tellPassed(ctx context.Context, d objects.Deployment, _ []v1alpha1.CanaryRun) (bool, error) {
	// What is no time was not written by Holdfast, nor what is to come.
	latest := r.Clock.Now().Add(clocksApart)
	told, _ := time.Parse(time.RFC3339Nano, d.Annotation(v1alpha1.ToldAnnotation))
	if told.After(latest) {
		told = time.Time{}
	}
	newest := told
	for _, passed := range []struct {
		annotation string
		transition func(hold.Skipped) lifecycle.Transition
		known      *warnings
	}{
		{v1alpha1.SkippedAnnotation, tell.Skipped, &r.skipped},
		{v1alpha1.UntriedAnnotation, tell.Untried, &r.untried},
	} {
		p, err := hold.ParseSkipped(d.Annotation(passed.annotation))
		if err != nil || !p.At.After(told) || p.At.After(latest) {
			continue // what cannot be read was not written by Holdfast either
		}
		if t := passed.transition(p); passed.known.first(d, p.At.String()) {
			ctrl.LoggerFrom(ctx).Info("update passed without a canary", "why", t.Kind, "hash", p.Hash, "user", p.User, "reason", p.Reason)
			r.tell(d, t)
		}
		if p.At.After(newest) {
			newest = p.At
		}
	}
	if newest.Equal(told) {
		return false, nil
	}
	return true, objects.Annotate(ctx, r.Writer, d, map[string]any{v1alpha1.ToldAnnotation: newest.UTC().Format(time.RFC3339Nano)})
}
