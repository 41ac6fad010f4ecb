package tell

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Metrics count what the evaluator does.
type Metrics struct {
	Holds        prometheus.Counter
	Verdicts     *prometheus.CounterVec
	Measurements *prometheus.CounterVec
	Decisions    *prometheus.CounterVec
	Ungated      prometheus.Counter
	Superseded   prometheus.Counter
	Duration     prometheus.Histogram
	Lag          prometheus.Histogram
	// StatusAge is how old the oldest status is that lacks rounds; to be set before the metrics are collected.
	StatusAge func() time.Duration
	// Stretch is how many times longer than plans say intervals are; likewise.
	Stretch func() float64
	census  *census
}

// NewMetrics makes the evaluator's metrics and registers them, unless the registerer is nil. Runs are counted
// in what is cached, unless that is nil; now tells how long that takes. Labels are of fixed sets; none is the
// name of an object.
func NewMetrics(registerer prometheus.Registerer, cached client.Reader, now func() time.Time) *Metrics {
	m := &Metrics{
		Holds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_holds_total",
			Help: "Held updates for which a run was made.",
		}),
		Verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_verdicts_total",
			Help: "Verdicts on runs, by verdict and reason.",
		}, []string{"verdict", "reason"}),
		Measurements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_measurements_total",
			Help: "Measurements of metrics of runs, by outcome.",
		}, []string{"outcome"}),
		Decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_decisions_total",
			Help: "What people had runs do, by decision.",
		}, []string{"decision"}),
		Ungated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_ungated_updates_total",
			Help: "Updates of guarded Deployments that the webhook was not asked about.",
		}),
		Superseded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_superseded_runs_total",
			Help: "Runs in whose place a newer update was held before they had a verdict.",
		}),
		Duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "holdfast_run_duration_seconds",
			Help:    "Time from the making of a run to its end.",
			Buckets: []float64{60, 300, 600, 1200, 2400, 3600, 7200, 14400, 86400},
		}),
		Lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "holdfast_round_lag_seconds",
			Help:    "Time from when a round of measurements was due, or the first of those missed before it, until it was counted.",
			Buckets: []float64{0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300},
		}),
		census: &census{objects: cached, now: now},
	}
	for _, outcome := range []v1alpha1.Outcome{
		v1alpha1.OutcomePassed, v1alpha1.OutcomeFailed, v1alpha1.OutcomeNoData, v1alpha1.OutcomeError,
	} {
		m.Measurements.WithLabelValues(string(outcome))
	}
	for _, decision := range []string{DecisionPromote, DecisionAbort, DecisionRetry} {
		m.Decisions.WithLabelValues(decision)
	}
	m.StatusAge = func() time.Duration { return 0 }
	statusAge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "holdfast_status_age_seconds",
		Help: "How long ago the oldest of those statuses of runs was written that lack rounds which are counted; 0 if none lacks any.",
	}, func() float64 { return m.StatusAge().Seconds() })
	m.Stretch = func() float64 { return 1 }
	stretch := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "holdfast_interval_stretch",
		Help: "How many times longer than plans say intervals between rounds are now, in the namespace where that is most; 1 where none is.",
	}, func() float64 { return m.Stretch() })
	if registerer != nil {
		registerer.MustRegister(stretch, statusAge, m.Holds, m.Verdicts, m.Measurements, m.Decisions, m.Ungated, m.Superseded, m.Duration, m.Lag, m.census)
	}
	return m
}

// verdictReasons are the reasons a verdict can have.
var verdictReasons = []string{
	v1alpha1.ReasonPeriodOver, v1alpha1.ReasonNotWorse, v1alpha1.ReasonMetricOutOfRange, v1alpha1.ReasonWorse,
	v1alpha1.ReasonLabelFound, v1alpha1.ReasonAlertFiring, v1alpha1.ReasonHookRefused, v1alpha1.ReasonRollbackAsked, v1alpha1.ReasonCrashed, v1alpha1.ReasonImagePull,
	v1alpha1.ReasonContainerConfig, v1alpha1.ReasonUnschedulable, v1alpha1.ReasonPodsNotCreated, v1alpha1.ReasonNotReady,
	v1alpha1.ReasonCanaryInvalid, v1alpha1.ReasonErrorLimit, v1alpha1.ReasonNoDataLimit, v1alpha1.ReasonUnsettled, v1alpha1.ReasonTampered, v1alpha1.ReasonPodsTakenAway,
	v1alpha1.ReasonAutoscalerRefused, v1alpha1.ReasonRoutesRefuse, v1alpha1.ReasonRoutesPending, v1alpha1.ReasonShareLost,
	v1alpha1.ReasonManualLate, v1alpha1.ReasonDeadline, v1alpha1.ReasonBaselineSick, v1alpha1.ReasonBaselineInvalid, v1alpha1.ReasonProbeFailed, v1alpha1.ReasonPlanInvalid,
}

// VerdictReason keeps the label bounded, whatever stands in a status.
func VerdictReason(reason string) string {
	if slices.Contains(verdictReasons, reason) {
		return reason
	}
	return "other"
}

// What people have runs do, as the metric holdfast_decisions_total counts it.
const (
	DecisionPromote = "Promote"
	DecisionAbort   = "Abort"
	DecisionRetry   = "Retry"
)
