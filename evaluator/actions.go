package evaluator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/plan"
)

// errStale is for a step that was planned from what is no longer so.
var errStale = errors.New("planned from a state that has changed")

// errNameTaken is for a canary whose name another object has.
var errNameTaken = errors.New("a ReplicaSet of that name belongs to something else")

// take takes one action.
func (e *evaluator) take(ctx context.Context, seen observed, action plan.Action) error {
	switch a := action.(type) {
	case plan.CreateCanary:
		return e.createCanary(ctx, seen)
	case plan.ScaleCanary:
		return e.scaleCanary(ctx, seen, a.Replicas)
	case plan.DeleteCanary:
		return e.deleteCanary(ctx, seen)
	case plan.Release:
		return e.annotate(ctx, seen.deployment, map[string]any{v1alpha1.ReleaseAnnotation: a.Hold})
	case plan.Revert:
		return e.revert(ctx, seen, a)
	}
	return fmt.Errorf("unknown action %T", action)
}

// createCanary makes the canary ReplicaSet. A cache that lags could show a run
// as it was before its canary was deleted, so the run is read from the API
// server once more.
func (e *evaluator) createCanary(ctx context.Context, seen observed) error {
	if seen.canary == nil {
		return fmt.Errorf("%w: there is no template to make a canary of", errStale)
	}
	var run v1alpha1.CanaryRun
	if err := e.live.Get(ctx, client.ObjectKeyFromObject(seen.run), &run); err != nil {
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("%w: the run is gone", errStale)
		}
		return fmt.Errorf("read CanaryRun %q: %w", seen.run.Name, err)
	}
	if run.UID != seen.run.UID || run.ResourceVersion != seen.run.ResourceVersion {
		return fmt.Errorf("%w: the run is at another version", errStale)
	}
	err := e.writer.Create(ctx, seen.canary.DeepCopy())
	if apierrors.IsAlreadyExists(err) {
		return e.checkCanary(ctx, seen)
	}
	if err != nil {
		return fmt.Errorf("create canary ReplicaSet %q: %w", seen.run.Name, err)
	}
	ctrl.LoggerFrom(ctx).Info("canary created", "replicas", seen.canary.Object["spec"].(map[string]any)["replicas"])
	return nil
}

// checkCanary looks whose the ReplicaSet is that has the canary's name: this
// run's, made in a step that was cut short; that of a run of the same name
// whose garbage is not collected yet; or something else's.
func (e *evaluator) checkCanary(ctx context.Context, seen observed) error {
	existing := &metav1.PartialObjectMetadata{}
	existing.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
	if err := e.live.Get(ctx, client.ObjectKeyFromObject(seen.run), existing); err != nil {
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("%w: the ReplicaSet is gone", errStale)
		}
		return fmt.Errorf("read canary ReplicaSet %q: %w", seen.run.Name, err)
	}
	owner := metav1.GetControllerOf(existing)
	switch {
	case owner == nil || owner.Kind != "CanaryRun":
		return fmt.Errorf("create canary ReplicaSet %q: %w", seen.run.Name, errNameTaken)
	case owner.UID != seen.run.UID:
		return fmt.Errorf("%w: the canary of an earlier run of the same name is still there", errStale)
	}
	return nil
}

func (e *evaluator) scaleCanary(ctx context.Context, seen observed, replicas int32) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": seen.replicaSet.ResourceVersion},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return fmt.Errorf("encode replicas: %w", err)
	}
	target := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: seen.run.Namespace, Name: seen.run.Name}}
	if err := e.writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("scale canary ReplicaSet %q: %w", seen.run.Name, err)
	}
	ctrl.LoggerFrom(ctx).Info("canary scaled back", "replicas", replicas, "was", seen.Canary.Replicas)
	return nil
}

func (e *evaluator) deleteCanary(ctx context.Context, seen observed) error {
	uid := seen.replicaSet.UID
	target := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: seen.run.Namespace, Name: seen.run.Name}}
	err := e.writer.Delete(ctx, target, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete canary ReplicaSet %q: %w", seen.run.Name, err)
	}
	return nil
}

// revert takes the record off the Deployment, remembers the rejection, and lets tools that wait fail, in one write.
func (e *evaluator) revert(ctx context.Context, seen observed, a plan.Revert) error {
	memory, err := hold.ParseRejected(seen.deployment.annotation(v1alpha1.RejectedAnnotation))
	if err != nil {
		memory = nil // what cannot be read was written by hand, and is written anew
	}
	encoded, err := memory.With(a.Rejection).Encode()
	if err != nil {
		return err
	}
	return e.annotate(ctx, seen.deployment, map[string]any{
		v1alpha1.HeldAnnotation:     nil,
		v1alpha1.RejectedAnnotation: encoded,
		v1alpha1.FailedAnnotation:   string(a.Rejection.Hash),
	})
}

// noPermission is how the API server says that RBAC does not allow a request;
// an admission plugin that refuses one says it in other words.
var noPermission = regexp.MustCompile(`User ".*" cannot [a-z]+ resource`)

// refusal says whether an error is the API server's last word on a request, and
// gives its message. Not having a permission is not: that is a mistake of the
// installation, no fault of the update. Neither is a quota, which may free up,
// nor a namespace that is being deleted.
func refusal(err error) (string, bool) {
	if errors.Is(err, errNameTaken) {
		return err.Error(), true
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return "", false
	}
	message := status.Status().Message
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return "", false
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return message, true
	case apierrors.IsForbidden(err):
		return message, !noPermission.MatchString(message) && !strings.Contains(message, "exceeded quota")
	}
	return "", false
}
