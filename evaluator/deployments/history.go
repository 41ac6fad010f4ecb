package deployments

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
)

// forgetOld deletes the runs of a Deployment that ended longest ago, beyond
// those that are kept as history, and those that tell of updates which come too fast.
func (r *Reconciler) forgetOld(ctx context.Context, _ objects.Deployment, runs []v1alpha1.CanaryRun) (bool, error) {
	var ended []v1alpha1.CanaryRun
	for _, run := range runs {
		if run.Status.Phase.Ended() && run.DeletionTimestamp == nil {
			ended = append(ended, run)
		}
	}
	slices.SortFunc(ended, func(a, b v1alpha1.CanaryRun) int {
		return cmp.Or(finishedAt(b).Compare(finishedAt(a)), cmp.Compare(b.Name, a.Name))
	})
	inARow, _ := lifecycle.Overtaken(lifecycle.PointersTo(runs))
	keep := max(r.History, min(inARow, lifecycle.TooMany))
	for _, run := range ended[min(len(ended), keep):] {
		uid := run.UID
		err := r.Writer.Delete(ctx, &run, client.Preconditions{UID: &uid})
		if client.IgnoreNotFound(err) != nil {
			return false, fmt.Errorf("delete CanaryRun %q: %w", run.Name, err)
		}
	}
	return false, nil
}

func finishedAt(run v1alpha1.CanaryRun) time.Time {
	if run.Status.FinishedAt != nil {
		return run.Status.FinishedAt.Time
	}
	return run.CreationTimestamp.Time
}
