package gather

import (
	"context"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// gatherAutoscaler looks for the autoscalers of a run. Nothing watches them: what they do shows in the
// ReplicaSet.
func (g *Gatherer) gatherAutoscaler(ctx context.Context, seen *Observed) error {
	if !lifecycle.NeedsAutoscaler(seen.Snapshot) {
		return nil
	}
	found, err := g.Objects.AutoscalersOf(ctx, seen.CanaryRun.Namespace, seen.CanaryRun.Name)
	if err != nil {
		return err
	}
	for _, hpa := range found {
		switch {
		case !metav1.IsControlledBy(&hpa, seen.CanaryRun):
			continue
		case hpa.Name != seen.CanaryName():
			seen.Autoscaler.Left = append(seen.Autoscaler.Left, hpa.Name)
		case hpa.DeletionTimestamp == nil:
			viewAutoscaler(*seen, hpa, &seen.Autoscaler)
		}
		seen.Autoscalers = append(seen.Autoscalers, hpa)
	}
	slices.Sort(seen.Autoscaler.Left)
	return nil
}

// viewAutoscaler says what an autoscaler is to do, and whether it does.
func viewAutoscaler(seen Observed, hpa autoscalingv2.HorizontalPodAutoscaler, out *lifecycle.Autoscaler) {
	out.Is, out.Least, out.Most = true, 1, hpa.Spec.MaxReplicas
	if hpa.Spec.MinReplicas != nil {
		out.Least = *hpa.Spec.MinReplicas
	}
	if plan := lifecycle.HPAOf(seen.Snapshot); plan != nil { // what the plan does not say, the API server does
		out.Whole = equality.Semantic.DeepDerivative(canary.AutoscalerSpec(hpa.Name, *plan, out.Least, out.Most), hpa.Spec)
	}
	for _, c := range hpa.Status.Conditions {
		switch {
		case c.Status == corev1.ConditionTrue && c.Type == autoscalingv2.ScalingActive:
			out.Active = true
		case c.Status == corev1.ConditionFalse && out.Idle == "" && (c.Type == autoscalingv2.ScalingActive || c.Type == autoscalingv2.AbleToScale):
			out.Idle, out.Since = c.Reason+": "+c.Message, c.LastTransitionTime.Time
		}
	}
	out.Active = out.Active && out.Idle == ""
}
