package status

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/webhook/status/rewrite"
)

// Metrics count answers.
type Metrics struct{ writes *prometheus.CounterVec }

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{writes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_status_writes_total",
		Help: "Writes of the status of Deployments that reached the webhook, by what tools that wait are to see.",
	}, []string{"state"})}
	r.MustRegister(m.writes)
	for _, state := range rewrite.States { // every series from the start
		m.writes.WithLabelValues(string(state))
	}
	return m
}
