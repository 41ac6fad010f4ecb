package evaluator

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/plan"
)

// startHeld makes the run that a held record names. Without a plan to follow
// the update stays held, and the Deployment has an event that says why; a plan
// that appears or is mended wakes the Deployment again.
func (e *evaluator) startHeld(ctx context.Context, d deployment, runs []v1alpha1.CanaryRun) (bool, error) {
	record, err := e.openRecord(d)
	if err != nil {
		return e.dropRecord(ctx, d, runs, err)
	}
	if record == nil {
		e.warned.forget(d.GetUID())
		return false, nil
	}
	var existing v1alpha1.CanaryRun
	err = e.cached.Get(ctx, types.NamespacedName{Namespace: d.GetNamespace(), Name: record.Run}, &existing)
	if err == nil {
		e.checkName(d, *record, &existing)
		return false, nil
	}
	if !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("read CanaryRun %q: %w", record.Run, err)
	}
	resolved, err := e.resolvePlan(ctx, d)
	if err != nil {
		return false, err
	}
	if resolved.Reason != "" {
		if e.warned.first(d.GetUID(), resolved.Message) {
			ctrl.LoggerFrom(ctx).Info("held update has no plan", "reason", resolved.Reason, "message", resolved.Message)
			e.announce.noPlan(d, resolved.Reason, resolved.Message)
		}
		return false, nil
	}
	startAt, mistake := startAtOf(d, *record)
	if mistake != "" {
		if e.warned.first(d.GetUID(), mistake) {
			ctrl.LoggerFrom(ctx).Info("held update has no time to start", "message", mistake)
			e.announce.noPlan(d, v1alpha1.ReasonStartAtInvalid, mistake)
		}
		return false, nil
	}
	return false, e.createRun(ctx, d, *record, resolved, startAt)
}

// startAtOf reads when the annotations of a Deployment say the canary may be
// made. mistake says why they cannot be followed, and what to do.
func startAtOf(d deployment, record hold.Record) (at *metav1.Time, mistake string) {
	text := d.annotation(v1alpha1.StartAtAnnotation)
	if text == "" {
		return nil, ""
	}
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Sprintf("annotation %s is no time such as 2026-03-01T22:00:00Z: %v; mend it or take it off, until then the update stays held",
			v1alpha1.StartAtAnnotation, err)
	}
	if record.HeldAt.Sub(parsed) > plan.StartTolerance {
		return nil, fmt.Sprintf("annotation %s says %s, which had passed long before the update was held; set a time to come or take it off, until then the update stays held",
			v1alpha1.StartAtAnnotation, text)
	}
	out := metav1.NewTime(parsed)
	return &out, ""
}

// checkName: the webhook chooses names that no run has. One that was made since
// by hand is in the way, and only its owner can remove it.
func (e *evaluator) checkName(d deployment, record hold.Record, existing *v1alpha1.CanaryRun) {
	if existing.DeletionTimestamp != nil || existing.Spec.Hold == record.ID && d.owns(existing) {
		return
	}
	message := fmt.Sprintf("the name of CanaryRun %s is taken by one of another hold; delete it and the held update is tried", record.Run)
	if e.warned.first(d.GetUID(), message) {
		e.announce.nameTaken(d, message)
	}
}

func (e *evaluator) createRun(ctx context.Context, d deployment, record hold.Record, resolved plan.Resolved, startAt *metav1.Time) error {
	isController := true
	run := &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.GetNamespace(),
			Name:      record.Run,
			Labels: map[string]string{
				v1alpha1.DeploymentLabel: v1alpha1.LabelValue(d.GetName()),
				v1alpha1.HashLabel:       string(record.Hash),
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: d.GetAPIVersion(), Kind: d.GetKind(), Name: d.GetName(), UID: d.GetUID(),
				Controller: &isController, BlockOwnerDeletion: &isController,
			}},
		},
		Spec: v1alpha1.CanaryRunSpec{
			Deployment:   d.GetName(),
			Hold:         record.ID,
			TemplateHash: string(record.Hash),
			Plan:         &resolved.Spec,
			PlanSource:   resolved.Source,
			StartAt:      startAt,
		},
	}
	switch err := e.writer.Create(ctx, run); {
	case apierrors.IsAlreadyExists(err): // the cache will show it, and whose it is
		return nil
	case err != nil:
		return fmt.Errorf("create CanaryRun %q: %w", record.Run, err)
	}
	e.warned.forget(d.GetUID())
	e.metrics.holds.Inc()
	ctrl.LoggerFrom(ctx).Info("run created", "run", run.Name, "plan", resolved.Source)
	e.announce.held(d, run, record)
	return nil
}

// dropRecord takes a record off that Holdfast did not write for this
// Deployment. Its template is never run. The run of the hold ends first, so
// that it can say why it did.
func (e *evaluator) dropRecord(ctx context.Context, d deployment, runs []v1alpha1.CanaryRun, why error) (bool, error) {
	for _, run := range runs {
		if !run.Status.Phase.Ended() && run.DeletionTimestamp == nil {
			return false, nil
		}
	}
	if err := e.annotate(ctx, d, map[string]any{v1alpha1.HeldAnnotation: nil}); err != nil {
		return false, err
	}
	ctrl.LoggerFrom(ctx).Info("held record dropped", "reason", v1alpha1.ReasonRecordUnreadable, "why", why.Error())
	e.announce.recordUnreadable(d, why)
	return true, nil
}

// resolvePlan finds the plan of a Deployment. Where nothing is guarded any more
// the plan does not matter, and none that is missing may keep the update from
// being let through.
func (e *evaluator) resolvePlan(ctx context.Context, d deployment) (plan.Resolved, error) {
	ns, err := e.getNamespace(ctx, d.GetNamespace())
	if err != nil {
		return plan.Resolved{}, err
	}
	if !plan.Guarded(ns.Annotations, ns.Labels, d.GetAnnotations()) {
		return plan.BuiltIn(), nil
	}
	find, err := e.plansOf(ctx, d.GetNamespace())
	if err != nil {
		return plan.Resolved{}, err
	}
	return plan.Resolve(d.GetAnnotations(), ns.Annotations, find), nil
}

// plansOf finds the CanaryPlans of a namespace by name; nil for one that is not there.
func (e *evaluator) plansOf(ctx context.Context, namespace string) (func(name string) *v1alpha1.CanaryPlanSpec, error) {
	var list v1alpha1.CanaryPlanList
	if err := e.cached.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list CanaryPlans: %w", err)
	}
	return func(name string) *v1alpha1.CanaryPlanSpec {
		for i := range list.Items {
			if list.Items[i].Name == name {
				return &list.Items[i].Spec
			}
		}
		return nil
	}, nil
}

// gatherPlan finds the plan that a run of a user names, until it has its copy.
func (e *evaluator) gatherPlan(ctx context.Context, seen *observed) error {
	name := seen.run.Spec.PlanRef
	if name == "" || seen.run.Status.Plan != nil {
		return nil
	}
	find, err := e.plansOf(ctx, seen.run.Namespace)
	if err != nil {
		return err
	}
	seen.Ref = plan.ResolveRef(name, find)
	return nil
}
