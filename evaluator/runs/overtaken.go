package runs

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
)

// overtaken tells of updates that come faster than a canary takes, when one more run is
// superseded: nothing gets out any more, and no run says so. While a Deployment is paused that is meant.
func (r *Reconciler) overtaken(ctx context.Context, seen gather.Observed, after v1alpha1.CanaryRunStatus) []lifecycle.Transition {
	if seen.DeploymentObject.Unstructured == nil || seen.Deployment.Paused {
		return nil
	}
	runs, err := r.Objects.Runs(ctx, seen.DeploymentObject)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "runs not counted")
		return nil
	}
	for i := range runs {
		if runs[i].UID == seen.CanaryRun.UID { // the cache may not have seen its end yet
			runs[i].Status = after
		}
	}
	if inARow, since := lifecycle.Overtaken(lifecycle.PointersTo(runs)); inARow >= lifecycle.TooMany {
		ctrl.LoggerFrom(ctx).Info("updates come faster than a canary takes", "inARow", inARow, "since", since)
		return []lifecycle.Transition{tell.Overtaken(inARow, since)}
	}
	return nil
}
