package promql

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// Metrics count the queries, their errors and what was shared. The label
// endpoint has the names that the administrator gave.
type Metrics struct {
	duration *prometheus.HistogramVec
	errors   *prometheus.CounterVec
	shared   *prometheus.CounterVec
	open     *prometheus.GaugeVec
	age      *prometheus.GaugeVec
	ageLimit *prometheus.GaugeVec
}

// Ways in which a measurement is spared a request, the values of the label how.
const (
	sharedIdentical = "identical"
	sharedBatched   = "batched"
)

// NewMetrics makes the metrics of all clients and registers them, unless the
// registerer is nil.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "holdfast_query_duration_seconds",
			Help:    "Time a Prometheus took to answer a query of an analysis, by endpoint.",
			Buckets: []float64{0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30},
		}, []string{"endpoint"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_query_errors_total",
			Help: "Queries of an analysis that got no answer, by endpoint and kind of error.",
		}, []string{"endpoint", "kind"}),
		shared: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_query_shared_total",
			Help: "Queries of an analysis that needed no request of their own, by endpoint and how: identical to another, or batched with others.",
		}, []string{"endpoint", "how"}),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_query_breaker_open",
			Help: "1 while an endpoint that failed several times in a row is left alone.",
		}, []string{"endpoint"}),
		age: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_query_sample_age_seconds",
			Help: "How old the newest sample was that an endpoint could be asked for, measured each half minute while it is asked.",
		}, []string{"endpoint"}),
		ageLimit: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_query_sample_age_limit_seconds",
			Help: "How old it is at most where the delay and the scrape interval of the endpoint are right.",
		}, []string{"endpoint"}),
	}
	if registerer != nil {
		registerer.MustRegister(m.duration, m.errors, m.shared, m.open, m.age, m.ageLimit)
	}
	return m
}

// begin makes the series of an endpoint, all at zero.
func (m *Metrics) begin(endpoint string) {
	m.duration.WithLabelValues(endpoint)
	for _, kind := range kinds {
		m.errors.WithLabelValues(endpoint, kind)
	}
	m.shared.WithLabelValues(endpoint, sharedIdentical)
	m.shared.WithLabelValues(endpoint, sharedBatched)
	m.open.WithLabelValues(endpoint).Set(0)
}

// showAge shows how old the newest sample of an endpoint is.
func (m *Metrics) showAge(a analysis.SampleAge) {
	m.age.WithLabelValues(a.Endpoint).Set(a.Age.Seconds())
	m.ageLimit.WithLabelValues(a.Endpoint).Set(a.Limit().Seconds())
}

// forgetAge does not show it, for it is not known.
func (m *Metrics) forgetAge(endpoint string) {
	m.age.DeleteLabelValues(endpoint)
	m.ageLimit.DeleteLabelValues(endpoint)
}

// end takes the series of an endpoint that is gone away.
func (m *Metrics) end(endpoint string) {
	of := prometheus.Labels{"endpoint": endpoint}
	for _, vec := range []interface{ DeletePartialMatch(prometheus.Labels) int }{m.duration, m.errors, m.shared, m.open, m.age, m.ageLimit} {
		vec.DeletePartialMatch(of)
	}
}
