package evaluator

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/plan"
)

// stampUngated compares what a guarded Deployment runs with what Holdfast last
// let through. Without a stamp the Deployment was just opted in, and gets one.
// Another template than the stamp says came while the webhook could not be
// reached: the stamp is put right first, and only then told, so that each such
// update is told and counted once.
//
// The mark of a failed update goes with it, and what is held: neither was the last
// thing that was asked for. (Of the template that is held, too: it runs now.) A
// Deployment that is no longer guarded loses its stamp, or the first look at
// it when it is guarded again would take all that came meanwhile for ungated.
//
// Guarded is here what the webhook selects on: the label, not the annotation
// that it is derived from.
func (e *evaluator) stampUngated(ctx context.Context, d deployment, _ []v1alpha1.CanaryRun) (bool, error) {
	ns, err := e.getNamespace(ctx, d.GetNamespace())
	if err != nil {
		return false, err
	}
	running := d.hash()
	stamp := hold.Hash(d.annotation(v1alpha1.StableAnnotation))
	guarded := plan.Guarded(nil, ns.Labels, d.GetAnnotations())
	switch {
	case !guarded && (stamp != "" || d.annotation(v1alpha1.FailedAnnotation) != ""):
		return true, e.annotate(ctx, d, map[string]any{v1alpha1.StableAnnotation: nil, v1alpha1.FailedAnnotation: nil})
	case !guarded || running == "" || stamp == running:
		return false, nil
	}
	marks := map[string]any{v1alpha1.StableAnnotation: string(running)}
	if stamp != "" {
		marks[v1alpha1.FailedAnnotation], marks[v1alpha1.HeldAnnotation] = nil, nil
	}
	if err := e.annotate(ctx, d, marks); err != nil {
		return false, err
	}
	log := ctrl.LoggerFrom(ctx)
	if stamp == "" {
		log.V(1).Info("stable template stamped", "hash", running)
		return true, nil
	}
	held := d.annotation(v1alpha1.HeldAnnotation) != ""
	log.Info("ungated update", "hash", running, "before", stamp, "droppedHold", held)
	e.metrics.ungated.Inc()
	e.announce.ungated(d, running, stamp, held)
	return true, nil
}
