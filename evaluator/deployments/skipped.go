package deployments

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
)

// skips tells of updates that passed because their users asked for it. The
// annotation stays, so a skip is told once, by the evaluator that led when it
// happened: none is told again after a restart.
type skips struct {
	since time.Time // when this evaluator began to lead
	told  warnings
}

// tellSkipped says which update passed without a canary, by whom and why.
func (r *Reconciler) tellSkipped(ctx context.Context, d objects.Deployment, _ []v1alpha1.CanaryRun) (bool, error) {
	skipped, err := hold.ParseSkipped(d.Annotation(v1alpha1.SkippedAnnotation))
	if err != nil || skipped.At.Before(r.skips.since) || !r.skips.told.first(d, skipped.At.String()) {
		return false, nil //nolint:nilerr // what cannot be read was not written by Holdfast
	}
	ctrl.LoggerFrom(ctx).Info("update skipped its canary", "hash", skipped.Hash, "user", skipped.User, "reason", skipped.Reason)
	r.Announce.Skipped(d, skipped)
	return false, nil
}

// tellUntried says which update passed without a canary because its Deployment is to be alone. It is told
// once, as a skip is.
func (r *Reconciler) tellUntried(ctx context.Context, d objects.Deployment, _ []v1alpha1.CanaryRun) (bool, error) {
	untried, err := hold.ParseSkipped(d.Annotation(v1alpha1.UntriedAnnotation))
	if err != nil || untried.At.Before(r.untried.since) || !r.untried.told.first(d, untried.At.String()) {
		return false, nil //nolint:nilerr // what cannot be read was not written by Holdfast
	}
	ctrl.LoggerFrom(ctx).Info("update passed without a canary", "hash", untried.Hash, "user", untried.User, "reason", untried.Reason)
	r.Announce.Untried(d, untried)
	return false, nil
}
