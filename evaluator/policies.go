package evaluator

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/policy/load"
)

// +kubebuilder:rbac:groups=holdfast.dev,resources=canarypolicies,verbs=get;list;watch

// demandsOn is what CanaryPolicies demand of a namespace with these labels.
func (r *reader) demandsOn(ctx context.Context, namespace map[string]string) (policy.Effective, error) {
	return load.ForNamespace(ctx, r.cached, namespace)
}

// gatherPolicies reads what policies demand of a run under way, beside what they made of
// its plan: a freeze window that is made now holds back what would be released now, and the
// largest canary is that beside the Deployment as it is scaled now.
func (g *gatherer) gatherPolicies(ctx context.Context, seen *observed) error {
	if !seen.Deployment.Exists || seen.run.Status.Phase.Ended() {
		return nil
	}
	ns, err := g.objects.getNamespace(ctx, seen.run.Namespace)
	if err != nil {
		return err
	}
	demands, err := g.objects.demandsOn(ctx, ns.Labels)
	if err != nil {
		return err
	}
	seen.MostPods = demands.MostPods(seen.Deployment.Replicas)
	for _, window := range demands.FreezeWindows {
		seen.FreezeWindows = append(seen.FreezeWindows, window.Value)
	}
	return nil
}

// deploymentsOfPolicy are all that hold an update: it may have waited for a plan
// that the policy offers, or for the policy to be mended.
func (r *deploymentReconciler) deploymentsOfPolicy(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.deploymentsIn(ctx, metav1.NamespaceAll, func(d client.Object) bool {
		return d.GetAnnotations()[v1alpha1.HeldAnnotation] != ""
	})
}

// runsOfPolicy are those under way.
func (r *runReconciler) runsOfPolicy(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(run *v1alpha1.CanaryRun) bool {
		return true
	})
}
