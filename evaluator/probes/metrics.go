package probes

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what is read of probes.
type Metrics struct {
	scrapes  *prometheus.CounterVec
	duration prometheus.Histogram
	pods     prometheus.Gauge
}

// How a scrape ends, the values of the label result.
const (
	scrapeGood    = "good"
	scrapeFailed  = "failed"
	scrapeSkipped = "skipped"
)

// NewMetrics makes the metrics and registers them, unless the registerer is nil.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		scrapes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_probe_scrapes_total",
			Help: "Scrapes of the probes of pods by the evaluator, by result: good, failed, or skipped because too many were under way.",
		}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "holdfast_probe_scrape_duration_seconds",
			Help:    "Time that a scrape of a probe by the evaluator took.",
			Buckets: []float64{0.001, 0.005, 0.025, 0.1, 0.5, 1, 3},
		}),
		pods: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "holdfast_probe_scraped_pods",
			Help: "Pods whose probes the evaluator reads.",
		}),
	}
	for _, result := range []string{scrapeGood, scrapeFailed, scrapeSkipped} {
		m.scrapes.WithLabelValues(result)
	}
	if registerer != nil {
		registerer.MustRegister(m.scrapes, m.duration, m.pods)
	}
	return m
}
