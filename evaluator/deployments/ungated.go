package deployments

import (
	"context"
	"fmt"
	"slices"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
)

// stampUngated compares what a guarded Deployment runs with what Holdfast last
// let through. Without a stamp the Deployment was just opted in, and gets one.
// Another template than the stamp says came while the webhook could not be
// reached. It is told before the stamp is put right, which is what tells a later
// evaluator of it: so each such update is told, and by one evaluator once.
//
// The mark of a failed update goes with it, and what was held before: neither was
// the last thing that was asked for. A Deployment that is no longer guarded loses
// its stamp, or the first look at it when it is guarded again would take all that
// came meanwhile for ungated.
//
// Guarded is here what the webhook selects on: the label, not the annotation
// that it is derived from.
func (r *Reconciler) stampUngated(ctx context.Context, d objects.Deployment, runs []v1alpha1.CanaryRun) (bool, error) {
	ns, err := r.Objects.Namespace(ctx, d.GetNamespace())
	if err != nil {
		return false, err
	}
	running := d.Hash()
	stamp := hold.Hash(d.Annotation(v1alpha1.StableAnnotation))
	guarded := guard.Guarded(nil, ns.Labels, d.GetAnnotations())
	switch {
	case !guarded && (stamp != "" || d.Annotation(v1alpha1.FailedAnnotation) != ""):
		return true, objects.Annotate(ctx, r.Writer, d, map[string]any{v1alpha1.StableAnnotation: nil, v1alpha1.FailedAnnotation: nil})
	case !guarded || running == "" || stamp == running:
		return false, nil
	}
	marks, older := map[string]any{v1alpha1.StableAnnotation: string(running)}, stamp != "" && r.heldBefore(d, runs)
	if stamp != "" {
		marks[v1alpha1.FailedAnnotation] = nil
	}
	if older {
		marks[v1alpha1.HeldAnnotation] = nil
	}
	if ungated := tell.Ungated(running, stamp, older); stamp != "" && r.ungated.first(d, fmt.Sprint(d.GetGeneration(), ungated.Message)) {
		ctrl.LoggerFrom(ctx).Info("ungated update", "hash", running, "before", stamp, "droppedHold", older)
		r.Metrics.Ungated.Inc()
		r.tell(d, ungated)
	}
	return true, objects.Annotate(ctx, r.Writer, d, marks)
}

// heldBefore says whether what is held is older than the template that runs now:
// the run that tries it was made beside another. What came with the change is no
// older than it: a webhook after Holdfast changed the stable template of the
// request that was held.
func (r *Reconciler) heldBefore(d objects.Deployment, runs []v1alpha1.CanaryRun) bool {
	record, err := r.Objects.OpenRecord(d)
	return err == nil && record != nil && slices.ContainsFunc(runs, func(r v1alpha1.CanaryRun) bool {
		beside := r.Annotations[v1alpha1.StableAnnotation]
		return r.Spec.Hold == record.ID && beside != "" && beside != string(d.Hash())
	})
}
