package runs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/listing"
)

// +kubebuilder:rbac:groups=autoscaling,resources=horizontalpodautoscalers,verbs=list

// autoscalersThatCount tells the owner of a Deployment that its autoscaler counts the pods of a run that
// begins: nothing but a label tells these from the stable ones, and no autoscaler goes by another than
// Services do. A canary behind none of its Services leaves out a label by which that goes, too (see
// traffic.Apart). Who may not know of autoscalers tells nobody.
func (r *Reconciler) autoscalersThatCount(ctx context.Context, seen gather.Observed) []lifecycle.Transition {
	if lifecycle.IsApart(seen.Snapshot) && !lifecycle.WantsBaseline(seen.Snapshot) {
		return nil
	}
	all, err := r.autoscalersIn(ctx, seen.CanaryRun.Namespace, seen.Now)
	if err != nil {
		ctrl.LoggerFrom(ctx).Info("it is not known which autoscalers count the pods of the run", "why", fmt.Sprint(err))
	}
	names := slices.Sorted(slices.Values(all[seen.CanaryRun.Spec.Deployment]))
	out := make([]lifecycle.Transition, 0, len(names))
	for _, name := range names {
		out = append(out, tell.AutoscalerCounts(name))
	}
	return out
}

// scalersKept is for how long what a namespace has of autoscalers serves all its runs: people are told of
// them, and nothing follows from it.
const scalersKept = 10 * time.Second

// scalers are the autoscalers that count pods, by namespace, as they were last seen. Nothing of it outlives
// the program.
type scalers struct {
	mu sync.Mutex
	of map[string]seenScalers
}

type seenScalers struct {
	at time.Time
	// of are their names by Deployment.
	of map[string][]string
}

// autoscalersIn are the names of the autoscalers of a namespace that count pods, by Deployment.
func (r *Reconciler) autoscalersIn(ctx context.Context, namespace string, now time.Time) (map[string][]string, error) {
	r.scalers.mu.Lock()
	kept := r.scalers.of[namespace]
	r.scalers.mu.Unlock()
	if !kept.at.IsZero() && now.Before(kept.at.Add(scalersKept)) {
		return kept.of, nil
	}
	found := seenScalers{at: now, of: map[string][]string{}}
	err := r.Objects.Live.Each(ctx, listing.Query{
		Kind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"), Namespace: namespace, Cached: true,
	}, func(object []byte) error {
		hpa, err := listing.Decode[autoscalingv2.HorizontalPodAutoscaler](object)
		if target := hpa.Spec.ScaleTargetRef.Name; err == nil && countsPodsOf(hpa, target) {
			found.of[target] = append(found.of[target], hpa.Name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.scalers.mu.Lock()
	defer r.scalers.mu.Unlock()
	maps.DeleteFunc(r.scalers.of, func(_ string, seen seenScalers) bool { return !now.Before(seen.at.Add(scalersKept)) })
	if r.scalers.of == nil {
		r.scalers.of = map[string]seenScalers{}
	}
	r.scalers.of[namespace] = found
	return found.of, nil
}

// countsPodsOf says whether an autoscaler lists the pods of a Deployment, to find out what they use or how
// many are Ready. Only metrics that are shared out by the size of the Deployment (AverageValue) do without;
// without any metric it goes by CPU.
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
