package runs

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
)

// count tells by logs and metrics what has changed between two statuses of a run, the
// second of which has been written.
func (r *Reconciler) count(ctx context.Context, seen gather.Observed, before, after v1alpha1.CanaryRunStatus) {
	log := ctrl.LoggerFrom(ctx)
	if before.Phase != after.Phase || before.Reason != after.Reason || before.Verdict != after.Verdict {
		log.Info("run moved", "phase", after.Phase, "reason", after.Reason, "verdict", after.Verdict, "message", after.Message)
	}
	if before.Measured != after.Measured {
		for _, metric := range after.Metrics {
			newest, ok := analysis.Newest(metric)
			if !ok { // it warms up
				continue
			}
			log.V(1).Info("measured", "metric", metric.Name, "outcome", newest.Outcome, "value", newest.Value,
				"range", newest.Range, "reason", newest.Reason, "query", newest.Query)
		}
	}
	for _, outcome := range lifecycle.Measured(before, after) {
		r.Metrics.Measurements.WithLabelValues(string(outcome)).Inc()
	}
	if lag, ok := lifecycle.Lag(seen.Snapshot, after); ok {
		r.Metrics.Lag.Observe(lag.Seconds())
		r.paces.counted(ctx, client.ObjectKeyFromObject(seen.CanaryRun), lag, lifecycle.IntervalOf(seen.Snapshot), seen.Stretch, seen.Now)
	}
	if before.Verdict == "" && after.Verdict != "" {
		r.Metrics.Verdicts.WithLabelValues(string(after.Verdict), tell.VerdictReason(after.Reason)).Inc()
	}
	if !before.Phase.Ended() && after.Phase.Ended() && after.FinishedAt != nil {
		r.Metrics.Duration.Observe(after.FinishedAt.Sub(seen.CanaryRun.CreationTimestamp.Time).Seconds())
	}
	if isSuperseded(before, after) && after.Verdict == "" {
		r.Metrics.Superseded.Inc()
	}
	for _, transition := range lifecycle.Transitions(before, after) {
		if decision := decisionOf(transition, after); decision != "" {
			r.Metrics.Decisions.WithLabelValues(decision).Inc()
		}
	}
}
