package deployment

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/precheck"
)

// Metrics count what is decided and how long it takes.
type Metrics struct {
	decisions *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	checks    *prometheus.CounterVec
}

// What can become of a request beside what package decide comes to.
var (
	released = decide.Decision{Effect: "Release", Reason: "Verdict"}
	own      = decide.Decision{Effect: "Pass", Reason: "Own"}     // a write of the evaluator
	created  = decide.Decision{Effect: "Pass", Reason: "Created"} // nothing runs yet
	refused  = decide.Decision{Effect: "Refuse", Reason: "Invalid"}
	failed   = decide.Decision{Effect: "Error", Reason: "Internal"}
)

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_admission_decisions_total",
			Help: "Requests that reached the webhook, by what became of the pod template and why. Dry runs do not count.",
		}, []string{"effect", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "holdfast_admission_duration_seconds",
			Help:    "Time to answer an admission request, by what became of the pod template. Dry runs do not count.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"effect"}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_admission_checks_total",
			Help: "Templates that the API server was asked about before they were held, by what came of it. Dry runs do not count.",
		}, []string{"finding"}),
	}
	r.MustRegister(m.decisions, m.duration, m.checks)
	for _, d := range append(decide.Decisions, released, own, created, refused, failed) { // every series from the start
		m.decisions.WithLabelValues(string(d.Effect), string(d.Reason))
	}
	for _, f := range precheck.Meanings {
		m.checks.WithLabelValues(string(f))
	}
	return m
}

// observe counts what has an effect: neither the dry runs of users nor Holdfast's own.
func (m *Metrics) observe(d decide.Decision, dryRun bool, took time.Duration) {
	if dryRun {
		return
	}
	m.decisions.WithLabelValues(string(d.Effect), string(d.Reason)).Inc()
	m.duration.WithLabelValues(string(d.Effect)).Observe(took.Seconds())
}
