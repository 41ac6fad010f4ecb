package evaluator

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// tellOvertaken tells of updates that come faster than a canary takes, when one more run has been
// superseded: nothing gets out any more, and no run says so. While a Deployment is paused that is meant.
func (r *runReconciler) tellOvertaken(ctx context.Context, seen observed, after v1alpha1.CanaryRunStatus) {
	if after.Verdict == "" {
		r.metrics.Superseded.Inc()
	}
	if seen.deployment.Unstructured == nil || seen.Deployment.Paused {
		return
	}
	runs, err := r.objects.Runs(ctx, seen.deployment)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "runs not counted")
		return
	}
	for i := range runs {
		if runs[i].UID == seen.run.UID { // the cache may not have seen its end yet
			runs[i].Status = after
		}
	}
	if inARow, since := lifecycle.Overtaken(runs); inARow >= lifecycle.TooMany {
		ctrl.LoggerFrom(ctx).Info("updates come faster than a canary takes", "inARow", inARow, "since", since)
		r.announce.Overtaken(seen.deployment, inARow, since)
	}
}
