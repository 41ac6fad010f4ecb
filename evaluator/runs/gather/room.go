package gather

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/refusal"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/workload"
)

// hasPods says whether a run has a canary or a baseline that could give way.
func (seen Observed) hasPods() bool {
	return seen.Canary != nil && seen.Canary.Replicas > 0 || seen.Baseline != nil && seen.Baseline.Replicas > 0
}

// gatherRoom asks, before a template is released, whether the Deployment could make a pod of it beside the
// canary. The API server knows what quotas count: it is asked in a dry run. One that refuses for another
// reason says nothing about room, and the Deployment will tell of it.
func (g *Gatherer) gatherRoom(ctx context.Context, seen *Observed) error {
	d := seen.DeploymentObject
	gives := seen.CanaryRun.Status.Reason == v1alpha1.ReasonCanaryGivesWay // and quotas may not be counted anew yet
	if !lifecycle.NeedsRoom(seen.CanaryRun.Status) || seen.Held == nil || !seen.hasPods() && !gives ||
		d.View().Recreates() || d.View().NeverSurges() {
		return nil
	}
	built, err := g.canaryAsBuilt(ctx, *seen)
	if err != nil || built == nil {
		return err
	}
	asked := canary.Pod(built)
	asked.SetGenerateName(d.GetName() + "-")
	asked.SetOwnerReferences(nil) // a pod of nobody yet
	err = g.Writer.Create(ctx, asked, client.DryRunAll)
	if message, full := refusal.ByQuota(err); full {
		seen.Full = message
	} else if err != nil {
		ctrl.LoggerFrom(ctx).V(1).Info("it cannot be told whether there is room for a pod of the release", "why", err.Error())
	}
	return nil
}

// gatherUnschedulable looks, while a release is rolled out and the canary is there still, whether one of the
// Deployment's new pods finds no node.
func (g *Gatherer) gatherUnschedulable(ctx context.Context, seen *Observed) error {
	if seen.CanaryRun.Status.Phase != v1alpha1.PhaseReleasing || seen.Held != nil || !seen.hasPods() ||
		seen.Rollout.State != lifecycle.RolloutUnderWay || seen.Rollout.PodHash == "" {
		return nil
	}
	selector, err := g.Objects.ParsedSelector(ctx, seen.DeploymentObject)
	if err != nil {
		return err
	}
	newest, err := labels.NewRequirement(workload.TemplateHashLabel, selection.Equals, []string{seen.Rollout.PodHash})
	if err != nil {
		return nil //nolint:nilerr // a label that is none selects nothing
	}
	err = g.Objects.Live.Each(ctx, listing.Query{
		Kind: corev1.SchemeGroupVersion.WithKind("Pod"), Namespace: seen.CanaryRun.Namespace, Selector: selector.Add(*newest),
	}, func(object []byte) error {
		pod, err := listing.Decode[corev1.Pod](object)
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable && pod.DeletionTimestamp == nil {
				seen.Rollout.Unschedulable = strings.TrimSpace("pod " + pod.Name + " finds no node: " + c.Message)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list the new pods of Deployment %q: %w", client.ObjectKeyFromObject(seen.DeploymentObject), err)
	}
	return nil
}
