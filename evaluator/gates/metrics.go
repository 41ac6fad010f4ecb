package gates

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Metrics are those about hooks.
type Metrics struct {
	answers  *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// NewMetrics makes and registers them; none are registered if the registerer is nil.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_hook_answers_total",
			Help: "Questions to hooks of plans, by the type of the hook and what it said: Yes, No, None.",
		}, []string{"type", "answer"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "holdfast_hook_duration_seconds",
			Help:    "How long a hook took to answer, retries and the wait for its turn included, by its type.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300},
		}, []string{"type"}),
	}
	for _, t := range v1alpha1.HookTypes {
		for _, said := range []v1alpha1.HookAnswer{v1alpha1.HookYes, v1alpha1.HookNo, v1alpha1.HookNone} {
			m.answers.WithLabelValues(string(t), string(said))
		}
		m.duration.WithLabelValues(string(t))
	}
	if registerer != nil {
		registerer.MustRegister(m.answers, m.duration)
	}
	return m
}

func (m *Metrics) asked(t v1alpha1.HookType, said v1alpha1.HookAnswer, took time.Duration) {
	m.answers.WithLabelValues(string(t), string(said)).Inc()
	m.duration.WithLabelValues(string(t)).Observe(took.Seconds())
}
