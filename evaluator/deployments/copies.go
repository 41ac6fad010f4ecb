package deployments

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
)

// forgetElsewhere takes off what a Deployment remembers of another one, of whose
// text it was made where no webhook saw it: in a namespace that was not guarded
// then, or before Holdfast was installed. What was rejected there was never tried
// here.
//
// A skip that was used up stays used up.
func (r *Reconciler) forgetElsewhere(ctx context.Context, d objects.Deployment, _ []v1alpha1.CanaryRun) (bool, error) {
	encoded := d.Annotation(v1alpha1.RejectedAnnotation)
	if !hold.RejectedElsewhere(encoded, d.GetUID()) {
		return false, nil
	}
	own, err := hold.ParseRejected(encoded, d.GetUID())
	if err != nil {
		return false, err
	}
	marks := map[string]any{v1alpha1.RejectedAnnotation: nil}
	if len(own) > 0 {
		if marks[v1alpha1.RejectedAnnotation], err = own.Encode(); err != nil {
			return false, err
		}
	}
	if _, here := own.Find(hold.Hash(d.Annotation(v1alpha1.FailedAnnotation)), ""); !here {
		marks[v1alpha1.FailedAnnotation] = nil
	}
	if err := objects.Annotate(ctx, r.Writer, d, marks); err != nil {
		return false, err
	}
	ctrl.LoggerFrom(ctx).Info("memory of another Deployment dropped")
	return true, nil
}
