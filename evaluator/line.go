package evaluator

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/plan"
)

// gatherLine reads what the place of a run in its queue depends on, from the cache.
func (e *evaluator) gatherLine(ctx context.Context, seen *observed) error {
	return e.readLine(ctx, e.cached, seen)
}

// readLine reads the other runs: those of the namespace, or of the cluster where
// that has a limit.
func (e *evaluator) readLine(ctx context.Context, from client.Reader, seen *observed) error {
	if !plan.NeedsLine(seen.Input, e.maxRuns) {
		return nil
	}
	var where []client.ListOption
	if e.maxRuns == 0 {
		where = append(where, client.InNamespace(seen.run.Namespace))
	}
	var runs v1alpha1.CanaryRunList
	if err := from.List(ctx, &runs, where...); err != nil {
		return fmt.Errorf("list runs: %w", err)
	}
	// A canary made in a step that was cut short stands in no status.
	var sets appsv1.ReplicaSetList
	if err := e.cached.List(ctx, &sets, append(where, client.HasLabels{v1alpha1.RunLabel})...); err != nil {
		return fmt.Errorf("list ReplicaSets of runs: %w", err)
	}
	canaries := map[types.NamespacedName]bool{}
	for i := range sets.Items {
		canaries[types.NamespacedName{Namespace: sets.Items[i].Namespace, Name: sets.Items[i].Labels[v1alpha1.RunLabel]}] = true
	}
	seen.Line = plan.Line{ClusterLimit: e.maxRuns}
	for i := range runs.Items {
		run := &runs.Items[i]
		if run.UID == seen.run.UID || run.Status.Phase.Ended() || run.DeletionTimestamp != nil || !plan.TakesPlace(run.Spec) {
			continue
		}
		seen.Line.Others = append(seen.Line.Others, plan.Other{
			Namespace: run.Namespace, Name: run.Name, CreatedAt: run.CreationTimestamp.Time, Reason: run.Status.Reason,
			HasCanary: run.Status.CreatedAt != nil || canaries[client.ObjectKeyFromObject(run)],
		})
	}
	return nil
}

// takesPlace says whether a plan makes the canary of a run whose number is limited.
func (e *evaluator) takesPlace(seen observed, next plan.Plan) bool {
	return plan.NeedsLine(seen.Input, e.maxRuns) && next.Status.CreatedAt != nil
}
