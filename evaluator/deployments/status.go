package deployments

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/workload"
)

// +kubebuilder:rbac:groups=apps,resources=deployments/status,verbs=patch

// statusRetry is how long a webhook that was away gets to come back.
const statusRetry = 10 * time.Second

// rewriteStatus has the webhook look at a status that was stored without it: it
// fails open, and the deployment controller writes no other until something
// happens. A patch that asks for nothing is enough.
func (r *Reconciler) rewriteStatus(ctx context.Context, d objects.Deployment) (time.Duration, error) {
	if !r.RewritesStatus || !misleadsTools(d) {
		return 0, nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": d.GetResourceVersion()}})
	if err != nil {
		return 0, fmt.Errorf("encode patch: %w", err)
	}
	target := objects.NewDeployment()
	target.SetNamespace(d.GetNamespace())
	target.SetName(d.GetName())
	if err := r.Writer.Status().Patch(ctx, target, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return 0, fmt.Errorf("have the status of Deployment %q rewritten: %w", client.ObjectKeyFromObject(d), err)
	}
	ctrl.LoggerFrom(ctx).V(1).Info("status was written without the webhook")
	return statusRetry, nil
}

// misleadsTools says whether tools that wait for a rollout would take it for done
// while an update is held, for none that has failed after its revert, or for one
// that has failed when that was an update before. The deployment controller takes
// such a verdict for its own, and never finds that a rollout is stuck.
func misleadsTools(d objects.Deployment) bool {
	status := d.View().Status()
	if status.Count(workload.ObservedGeneration) < d.GetGeneration() { // they wait, and a write is to come
		return false
	}
	rejected := status.TellsOfRejection()
	switch {
	case d.Annotation(v1alpha1.HeldAnnotation) != "":
		return rejected || status.Complete(d.View().Replicas())
	case d.Annotation(v1alpha1.FailedAnnotation) != "":
		return !rejected
	}
	return rejected
}
