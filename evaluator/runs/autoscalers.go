package runs

import (
	"context"
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/listing"
)

// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=list

// autoscalersThatCount tells the owner of a Deployment that its autoscaler counts the pods of a run that begins:
// nothing but a label tells these from the stable ones, and no autoscaler goes by another than Services do.
// Who may not know of autoscalers tells nobody.
func (r *Reconciler) autoscalersThatCount(ctx context.Context, seen gather.Observed) []lifecycle.Transition {
	var names []string
	err := r.Objects.Live.Each(ctx, listing.Query{
		Kind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"), Namespace: seen.CanaryRun.Namespace, Cached: true,
	}, func(object []byte) error {
		hpa, err := listing.Decode[autoscalingv2.HorizontalPodAutoscaler](object)
		if err == nil && countsPodsOf(hpa, seen.CanaryRun.Spec.Deployment) {
			names = append(names, hpa.Name)
		}
		return err
	})
	if err != nil {
		ctrl.LoggerFrom(ctx).Info("it is not known which autoscalers count the pods of the run", "why", fmt.Sprint(err))
	}
	slices.Sort(names)
	out := make([]lifecycle.Transition, 0, len(names))
	for _, name := range names {
		out = append(out, tell.AutoscalerCounts(name))
	}
	return out
}

// countsPodsOf says whether an autoscaler lists the pods of a Deployment, to find out what they use or how many are
// Ready. Only metrics that are shared out by the size of the Deployment (AverageValue) do without; without any metric
// it goes by CPU.
func countsPodsOf(hpa autoscalingv2.HorizontalPodAutoscaler, deployment string) bool {
	if target := hpa.Spec.ScaleTargetRef; target.Kind != "Deployment" || target.Name != deployment {
		return false
	}
	return len(hpa.Spec.Metrics) == 0 || slices.ContainsFunc(hpa.Spec.Metrics, func(m autoscalingv2.MetricSpec) bool {
		switch {
		case m.Object != nil:
			return m.Object.Target.Type != autoscalingv2.AverageValueMetricType
		case m.External != nil:
			return m.External.Target.Type != autoscalingv2.AverageValueMetricType
		}
		return true
	})
}
