package gather

import (
	"context"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/load"
)

// gatherPlan finds the plan that a run of a user names, until it has its copy.
func (g *Gatherer) gatherPlan(ctx context.Context, seen *Observed) error {
	name := seen.CanaryRun.Spec.PlanRef
	if name == "" || seen.CanaryRun.Status.Plan != nil {
		return nil
	}
	demands, err := g.Objects.DemandsIn(ctx, seen.CanaryRun.Namespace)
	if err != nil {
		return err
	}
	found, err := load.Find(ctx, g.Objects.Live, seen.CanaryRun.Namespace, name, demands)
	if err != nil {
		return err
	}
	seen.Ref = plan.ResolveRef(name, found).Bounded(demands, seen.Deployment.Replicas)
	return nil
}

// gatherPolicies reads what policies demand of a run under way, beside what they made of
// its plan: a freeze window that is made now holds back what would be released now, and the
// largest canary is that beside the Deployment as it is scaled now.
func (g *Gatherer) gatherPolicies(ctx context.Context, seen *Observed) error {
	if !seen.Deployment.Exists || seen.CanaryRun.Status.Phase.Ended() {
		return nil
	}
	demands, err := g.Objects.DemandsIn(ctx, seen.CanaryRun.Namespace)
	if err != nil {
		return err
	}
	asked := lifecycle.ProbeOf(seen.Snapshot)
	seen.CaptureForbidden = demands.CaptureForbidden(&v1alpha1.CanaryPlanSpec{Probe: asked})
	seen.MostPods = demands.MostPods(seen.Deployment.Replicas)
	for _, window := range demands.FreezeWindows {
		seen.FreezeWindows = append(seen.FreezeWindows, window.Value)
	}
	return nil
}
