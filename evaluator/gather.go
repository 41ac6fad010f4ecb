package evaluator

import (
	"context"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/plan"
)

// observed is all that is known of a run: what it is planned from, and the
// objects that actions write to.
type observed struct {
	plan.Input
	run        *v1alpha1.CanaryRun
	deployment deployment
	record     *hold.Record
	replicaSet *appsv1.ReplicaSet
	// canary is the ReplicaSet to make, where one may have to be made.
	canary *unstructured.Unstructured
}

// gather reads what the next step of a run depends on. Nearly all of it comes
// from the cache; the API server itself is asked only while a run waits for a rollout.
func (e *evaluator) gather(ctx context.Context, run *v1alpha1.CanaryRun) (observed, error) {
	seen := observed{run: run, Input: plan.Input{
		Now: e.clock.Now(),
		Run: plan.Run{Name: run.Name, Deleting: run.DeletionTimestamp != nil, Spec: run.Spec, Status: run.Status},
	}}
	for _, gather := range []func(context.Context, *observed) error{
		e.gatherDeployment, e.gatherCanary, e.gatherRollout, e.gatherTemplate,
	} {
		if err := gather(ctx, &seen); err != nil {
			return observed{}, err
		}
	}
	return seen, nil
}

func (e *evaluator) gatherDeployment(ctx context.Context, seen *observed) error {
	d, err := e.getDeployment(ctx, types.NamespacedName{Namespace: seen.run.Namespace, Name: seen.run.Spec.Deployment})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !d.owns(seen.run) { // another Deployment of the same name
		return nil
	}
	ns, err := e.getNamespace(ctx, d.GetNamespace())
	if err != nil {
		return err
	}
	seen.deployment = d
	seen.Deployment = plan.Deployment{
		Exists:   true,
		Deleting: d.GetDeletionTimestamp() != nil,
		Guarded:  plan.Guarded(ns.Annotations, ns.Labels, d.GetAnnotations()),
		Paused:   d.paused(),
		Hash:     string(d.hash()),
		Replicas: d.replicas(),
		MinReady: int32(d.minReadySeconds()),
		Rejected: rejects(d, seen.run),
		Skipped:  letThrough(d, seen.run),
	}
	record, err := e.openRecord(d)
	switch {
	case err != nil:
		seen.Deployment.Unreadable = err.Error()
	case record != nil && record.Run == seen.run.Name:
		seen.record = record
		seen.Deployment.Held = record.ID
	case record != nil: // another run's hold, whatever ID this one claims
		seen.Deployment.Held = "of run " + record.Run
	}
	return nil
}

// rejects says whether a Deployment's memory has the rejection by a run.
func rejects(d deployment, run *v1alpha1.CanaryRun) bool {
	memory, err := hold.ParseRejected(d.annotation(v1alpha1.RejectedAnnotation))
	if err != nil {
		return false // a memory that cannot be read remembers nothing
	}
	return slices.ContainsFunc(memory, func(r hold.Rejection) bool {
		return r.Run == run.Name && string(r.Hash) == run.Spec.TemplateHash
	})
}

func (e *evaluator) gatherCanary(ctx context.Context, seen *observed) error {
	rs := &appsv1.ReplicaSet{}
	err := e.cached.Get(ctx, client.ObjectKeyFromObject(seen.run), rs)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read canary ReplicaSet %q: %w", seen.run.Name, err)
	}
	if !metav1.IsControlledBy(rs, seen.run) {
		return nil
	}
	seen.replicaSet = rs
	seen.Canary = &plan.Canary{Deleting: rs.DeletionTimestamp != nil, Replicas: 1, Available: rs.Status.AvailableReplicas}
	if rs.Spec.Replicas != nil {
		seen.Canary.Replicas = *rs.Spec.Replicas
	}
	for _, c := range rs.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			seen.Canary.CreateFailure = c.Message
		}
	}
	var pods corev1.PodList
	if err := e.cached.List(ctx, &pods, client.InNamespace(rs.Namespace), client.MatchingLabels(rs.Spec.Selector.MatchLabels)); err != nil {
		return fmt.Errorf("list canary pods of %q: %w", rs.Name, err)
	}
	for _, pod := range pods.Items {
		if metav1.IsControlledBy(&pod, rs) {
			seen.Pods = append(seen.Pods, pod)
		}
	}
	return nil
}

func (e *evaluator) gatherRollout(ctx context.Context, seen *observed) error {
	if !seen.Deployment.Exists || seen.Deployment.Deleting || !plan.NeedsRollout(seen.run.Status) {
		return nil
	}
	sets, err := e.replicaSetsOf(ctx, seen.deployment)
	if err != nil {
		return err
	}
	seen.Rollout = plan.RolloutOf(seen.Deployment, sets, seen.deployment.progressing())
	return nil
}

// gatherTemplate looks whether the held template can run as a canary, and who
// would send it requests.
func (e *evaluator) gatherTemplate(ctx context.Context, seen *observed) error {
	if seen.record == nil {
		return nil
	}
	selector, err := seen.deployment.selector()
	if err != nil {
		return err
	}
	status := seen.run.Status
	replicas := status.Replicas
	if status.CreatedAt == nil {
		replicas = plan.Replicas(seen.run.Spec.Plan.Replicas, seen.Deployment.Replicas)
	}
	seen.canary, err = canary.ReplicaSet(canary.Spec{
		Run: seen.run.Name, Namespace: seen.run.Namespace, UID: seen.run.UID,
		Deployment: seen.deployment.GetName(), Selector: selector, MinReadySeconds: seen.deployment.minReadySeconds(),
		Hash: seen.record.Hash, Template: seen.record.Template, Replicas: replicas,
	})
	if errors.Is(err, canary.ErrInvalid) {
		seen.Invalid = err.Error()
		return nil
	}
	if err != nil {
		return fmt.Errorf("build canary: %w", err)
	}
	starts := status.CreatedAt == nil && (seen.Rollout.State == plan.RolloutComplete || seen.Rollout.State == plan.RolloutStuck)
	if starts {
		seen.Service, err = e.serviceOf(ctx, seen.canary)
	}
	return err
}
