package uninstall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ending ends an installation.
type ending struct {
	client.Client
	options Options
	out     io.Writer
	now     func() time.Time
	// takeOff makes all routes what their users asked for, and says which were not.
	takeOff func(context.Context) ([]string, error)
}

// end does all of it. What somebody else refuses in one place keeps nothing from being ended elsewhere.
func (e *ending) end(ctx context.Context) error {
	if err := e.deleteWebhooks(ctx); err != nil {
		return err
	}
	if err := e.stopReplicas(ctx); err != nil {
		return err
	}
	// Namespaces first: what has lost its stamp while they still speak of it would be told, were this not ended.
	stamps, holds, shares, runs, finalizers := e.forgetStamps(ctx), e.endHolds(ctx), e.takeShares(ctx), e.endRuns(ctx), e.takeFinalizers(ctx)
	if runs == nil { // the canaries of others stay, however long is waited
		runs = e.awaitNoCanaries(ctx)
	}
	if runs == nil {
		runs = e.endKept(ctx)
	}
	return errors.Join(stamps, holds, shares, runs, finalizers)
}

// look is how often is looked for something to be over.
const look = 500 * time.Millisecond

// deleteWebhooks has API servers ask no more.
func (e *ending) deleteWebhooks(ctx context.Context) error {
	name := metav1.ObjectMeta{Name: e.options.webhookConfig}
	for kind, config := range map[string]client.Object{
		"mutating":   &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: name},
		"validating": &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: name},
	} {
		if err := e.Delete(ctx, config); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete the %s webhook configuration %s: %w", kind, name.Name, err)
		}
	}
	fmt.Fprintln(e.out, "updates pass: the webhook configurations are deleted")
	return nil
}

// stopReplicas scales Holdfast to zero, and returns when its pods are gone.
func (e *ending) stopReplicas(ctx context.Context) error {
	var d appsv1.Deployment
	err := e.Get(ctx, types.NamespacedName{Namespace: e.options.namespace, Name: e.options.deployment}, &d)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find Holdfast: %w", err)
	}
	if err := e.patch(ctx, &d, `{"spec": {"replicas": 0}}`); err != nil {
		return fmt.Errorf("scale Holdfast to zero: %w", err)
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return fmt.Errorf("selector of Holdfast: %w", err)
	}
	var left corev1.PodList
	err = wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		err := e.List(ctx, &left, client.InNamespace(e.options.namespace), client.MatchingLabelsSelector{Selector: selector})
		return len(left.Items) == 0, err
	})
	if err != nil {
		return fmt.Errorf("wait until the %d replicas of Holdfast are gone: %w", len(left.Items), err)
	}
	fmt.Fprintln(e.out, "Holdfast is stopped")
	return nil
}

// patch sends a merge patch. An API server that has not heard yet that the webhooks are gone fails
// to call them, where they fail closed. That passes; other people's webhooks that are out of order
// are not waited for.
func (e *ending) patch(ctx context.Context, o client.Object, patch string) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		last = e.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(patch)))
		if apierrors.IsInternalError(last) && strings.Contains(last.Error(), ownWebhooks) {
			return false, nil
		}
		return true, last
	})
	if err != nil && last != nil {
		return last
	}
	return err
}

// ownWebhooks is how the names of Holdfast's webhooks for Deployments end in an API server's errors.
const ownWebhooks = `hold.holdfast.dev"`
