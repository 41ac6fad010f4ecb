package tell

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestMetricsExposition(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	known := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(known); err != nil {
		t.Fatal(err)
	}
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-x"}, Status: v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseRunning}}
	m := NewMetrics(registry, fake.NewClientBuilder().WithScheme(known).WithObjects(run).Build(), time.Now)
	m.Holds.Inc()
	m.Verdicts.WithLabelValues("Fail", VerdictReason("Crashed")).Inc()
	m.Verdicts.WithLabelValues("Fail", VerdictReason("whatever a user wrote")).Inc()
	m.Duration.Observe(61)
	m.Lag.Observe(0.3)
	m.StatusAge = func() time.Duration { return 90 * time.Second }
	m.Stretch = func() float64 { return 1.25 }
	m.Decisions.WithLabelValues(DecisionAbort).Inc()
	want := `
# HELP holdfast_decisions_total What people had runs do, by decision.
# TYPE holdfast_decisions_total counter
holdfast_decisions_total{decision="Abort"} 1
holdfast_decisions_total{decision="Promote"} 0
holdfast_decisions_total{decision="Retry"} 0
# HELP holdfast_holds_total Held updates for which a run was made.
# TYPE holdfast_holds_total counter
holdfast_holds_total 1
# HELP holdfast_interval_stretch How many times longer than plans say intervals between rounds are now, in the namespace where that is most; 1 where none is.
# TYPE holdfast_interval_stretch gauge
holdfast_interval_stretch 1.25
# HELP holdfast_measurements_total Measurements of metrics of runs, by outcome.
# TYPE holdfast_measurements_total counter
holdfast_measurements_total{outcome="Error"} 0
holdfast_measurements_total{outcome="Failed"} 0
holdfast_measurements_total{outcome="NoData"} 0
holdfast_measurements_total{outcome="Passed"} 0
# HELP holdfast_overtaken_deployments Deployments of which three updates in a row or more were superseded before a verdict, and nothing was released since.
# TYPE holdfast_overtaken_deployments gauge
holdfast_overtaken_deployments 0
# HELP holdfast_round_lag_seconds Time from when a round of measurements was due, or the first of those missed before it, until it was counted.
# TYPE holdfast_round_lag_seconds histogram
holdfast_round_lag_seconds_bucket{le="0.25"} 0
holdfast_round_lag_seconds_bucket{le="0.5"} 1
holdfast_round_lag_seconds_bucket{le="1"} 1
holdfast_round_lag_seconds_bucket{le="2.5"} 1
holdfast_round_lag_seconds_bucket{le="5"} 1
holdfast_round_lag_seconds_bucket{le="10"} 1
holdfast_round_lag_seconds_bucket{le="20"} 1
holdfast_round_lag_seconds_bucket{le="30"} 1
holdfast_round_lag_seconds_bucket{le="60"} 1
holdfast_round_lag_seconds_bucket{le="120"} 1
holdfast_round_lag_seconds_bucket{le="300"} 1
holdfast_round_lag_seconds_bucket{le="+Inf"} 1
holdfast_round_lag_seconds_sum 0.3
holdfast_round_lag_seconds_count 1
# HELP holdfast_run_duration_seconds Time from the making of a run to its end.
# TYPE holdfast_run_duration_seconds histogram
holdfast_run_duration_seconds_bucket{le="60"} 0
holdfast_run_duration_seconds_bucket{le="300"} 1
holdfast_run_duration_seconds_bucket{le="600"} 1
holdfast_run_duration_seconds_bucket{le="1200"} 1
holdfast_run_duration_seconds_bucket{le="2400"} 1
holdfast_run_duration_seconds_bucket{le="3600"} 1
holdfast_run_duration_seconds_bucket{le="7200"} 1
holdfast_run_duration_seconds_bucket{le="14400"} 1
holdfast_run_duration_seconds_bucket{le="86400"} 1
holdfast_run_duration_seconds_bucket{le="+Inf"} 1
holdfast_run_duration_seconds_sum 61
holdfast_run_duration_seconds_count 1
# HELP holdfast_runs Runs that exist, by phase.
# TYPE holdfast_runs gauge
holdfast_runs{phase="Canceled"} 0
holdfast_runs{phase="Frozen"} 0
holdfast_runs{phase="Passed"} 0
holdfast_runs{phase="Paused"} 0
holdfast_runs{phase="Released"} 0
holdfast_runs{phase="Releasing"} 0
holdfast_runs{phase="Reverted"} 0
holdfast_runs{phase="Running"} 1
holdfast_runs{phase="Scheduled"} 0
holdfast_runs{phase="Starting"} 0
holdfast_runs{phase="Superseded"} 0
holdfast_runs{phase="Waiting"} 0
# HELP holdfast_status_age_seconds How long ago the oldest of those statuses of runs was written that lack rounds which are counted; 0 if none lacks any.
# TYPE holdfast_status_age_seconds gauge
holdfast_status_age_seconds 90
# HELP holdfast_superseded_runs_total Runs in whose place a newer update was held before they had a verdict.
# TYPE holdfast_superseded_runs_total counter
holdfast_superseded_runs_total 0
# HELP holdfast_ungated_updates_total Updates of guarded Deployments that the webhook was not asked about.
# TYPE holdfast_ungated_updates_total counter
holdfast_ungated_updates_total 0
# HELP holdfast_verdicts_total Verdicts on runs, by verdict and reason.
# TYPE holdfast_verdicts_total counter
holdfast_verdicts_total{reason="Crashed",verdict="Fail"} 1
holdfast_verdicts_total{reason="other",verdict="Fail"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
