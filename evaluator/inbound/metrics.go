package inbound

import "github.com/prometheus/client_golang/prometheus"

// Metrics are those about alerts that come.
type Metrics struct {
	groups *prometheus.CounterVec
	failed prometheus.Counter
	kills  *prometheus.CounterVec
}

// The answers to a group, as metrics name them.
const (
	answerTaken   = "taken"
	answerRefused = "refused"
	answerLater   = "later"
)

// NewMetrics makes and registers them; none are registered if the registerer is nil.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		groups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_alert_groups_total",
			Help: "Groups of alerts that were sent to Holdfast, by where, and by what was answered: taken, refused (4xx), later (503).",
		}, []string{"path", "answer"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_alert_failures_total",
			Help: "Canaries that were failed by an alert that was sent.",
		}),
		kills: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_kills_total",
			Help: "Pods that firing alerts named at /kill, by what became of them.",
		}, []string{"outcome"}),
	}
	for _, path := range []string{alertsPath, killPath} {
		for _, answer := range []string{answerTaken, answerRefused, answerLater} {
			m.groups.WithLabelValues(path, answer)
		}
	}
	for _, o := range outcomes {
		m.kills.WithLabelValues(string(o))
	}
	if registerer != nil {
		registerer.MustRegister(m.groups, m.failed, m.kills)
	}
	return m
}
