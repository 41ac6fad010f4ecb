package deployments

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/refusal"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plan"
)

// startHeld makes the run that a held record names. Without a plan to follow
// the update stays held, and the Deployment has an event that says why; a plan
// that appears or is mended wakes the Deployment again.
func (r *Reconciler) startHeld(ctx context.Context, d objects.Deployment, runs []v1alpha1.CanaryRun) (bool, error) {
	record, err := r.Objects.OpenRecord(d)
	if err != nil {
		return r.dropRecord(ctx, d, runs, err)
	}
	if record == nil {
		r.warned.forget(client.ObjectKeyFromObject(d))
		return false, nil
	}
	var existing v1alpha1.CanaryRun
	err = r.Objects.Cached.Get(ctx, types.NamespacedName{Namespace: d.GetNamespace(), Name: record.Run}, &existing)
	if err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("read CanaryRun %q: %w", record.Run, err)
	}
	isRun := err == nil && existing.Spec.Hold == record.ID && d.Owns(&existing)
	switch {
	case record.Next != nil && !isRun: // there is nothing to finish before it
		return true, r.Objects.GiveWay(ctx, r.Writer, d, record)
	case err == nil:
		r.checkName(d, *record, &existing)
		return false, nil
	}
	resolved, err := r.Objects.ResolvePlan(ctx, d)
	if err != nil {
		if message, refused := refusal.Now(err); refused && r.warned.first(d, message) {
			r.tell(d, tell.NotCreated("the update stays held, and the plan by which run "+record.Run+" is to try it cannot be read: "+message))
		}
		return false, err
	}
	if resolved.Reason != "" {
		if r.warned.first(d, resolved.Message) {
			ctrl.LoggerFrom(ctx).Info("held update has no plan", "reason", resolved.Reason, "message", resolved.Message)
			r.tell(d, tell.NoPlan(resolved.Reason, resolved.Message))
		}
		return false, nil
	}
	startAt, mistake := startAtOf(d, *record)
	if mistake != "" {
		if r.warned.first(d, mistake) {
			ctrl.LoggerFrom(ctx).Info("held update has no time to start", "message", mistake)
			r.tell(d, tell.NoPlan(v1alpha1.ReasonStartAtInvalid, mistake))
		}
		return false, nil
	}
	return false, r.createRun(ctx, d, *record, resolved, startAt)
}

// checkName: the webhook chooses names that no run has. One that was made since
// by hand is in the way, and only its owner can remove it.
func (r *Reconciler) checkName(d objects.Deployment, record hold.Record, existing *v1alpha1.CanaryRun) {
	if existing.DeletionTimestamp != nil || existing.Spec.Hold == record.ID && d.Owns(existing) {
		return
	}
	message := fmt.Sprintf("the name of CanaryRun %s is taken by one of another hold; delete it and the held update is tried", record.Run)
	if r.warned.first(d, message) {
		r.tell(d, tell.NameTaken(message))
	}
}

func (r *Reconciler) createRun(ctx context.Context, d objects.Deployment, record hold.Record, resolved plan.Resolved, startAt *metav1.Time) error {
	if record.Origin == hold.OriginImage { // who names an image for a canary asks for one
		resolved.Spec.BesideRecreate = true
	}
	run := &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.GetNamespace(),
			Name:      record.Run,
			Labels: map[string]string{
				v1alpha1.DeploymentLabel: v1alpha1.LabelValue(d.GetName()),
				v1alpha1.HashLabel:       string(record.Hash),
			},
			Annotations:     map[string]string{v1alpha1.StableAnnotation: string(d.Hash())},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, d.GroupVersionKind())},
		},
		Spec: v1alpha1.CanaryRunSpec{
			Deployment:   d.GetName(),
			Hold:         record.ID,
			TemplateHash: string(record.Hash),
			Plan:         &resolved.Spec,
			PlanSource:   resolved.Source,
			Policies:     resolved.Changes,
			StartAt:      startAt,
		},
	}
	switch err := r.Writer.Create(ctx, run); {
	case apierrors.IsAlreadyExists(err): // the cache will show it, and whose it is
		return nil
	case err != nil:
		if message, refused := refusal.Now(err); refused && r.warned.first(d, message) {
			r.tell(d, tell.NotCreated("the update stays held, and run "+record.Run+" that is to try it is refused: "+message))
		}
		return fmt.Errorf("create CanaryRun %q: %w", record.Run, err)
	}
	r.Made(run)
	r.warned.forget(client.ObjectKeyFromObject(d))
	r.Metrics.Holds.Inc()
	ctrl.LoggerFrom(ctx).Info("run created", "run", run.Name, "plan", resolved.Source)
	return nil
}

// dropRecord takes a record off that Holdfast did not write for this
// Deployment. Its template is never run. The run of the hold ends first, so
// that it can say why it did.
func (r *Reconciler) dropRecord(ctx context.Context, d objects.Deployment, runs []v1alpha1.CanaryRun, why error) (bool, error) {
	for _, run := range runs {
		if !run.Status.Phase.Ended() && run.DeletionTimestamp == nil {
			return false, nil
		}
	}
	dropped := tell.RecordUnreadable(why)
	if label := d.OfAnother(); label != nil {
		dropped = tell.RecordOfAnother(*label)
	}
	if r.warned.first(d, dropped.Message) { // before the record is gone: it is what tells a later evaluator
		ctrl.LoggerFrom(ctx).Info("held record dropped", "reason", v1alpha1.ReasonRecordUnreadable, "why", why.Error())
		r.tell(d, dropped)
	}
	return true, objects.Annotate(ctx, r.Writer, d, map[string]any{v1alpha1.HeldAnnotation: nil})
}

// tell tells what has happened to a Deployment.
func (r *Reconciler) tell(d objects.Deployment, t lifecycle.Transition) {
	r.Teller.Tell(tell.About{Deployment: d}, t)
}
