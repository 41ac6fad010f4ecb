package serving

import "github.com/prometheus/client_golang/prometheus"

// What there is room of: large requests, small ones, and the text of small ones that wait.
const (
	inLarge = "large"
	inSmall = "small"
	inText  = "waiting"
)

// Metrics count the requests that are not answered.
type Metrics struct{ unanswered *prometheus.CounterVec }

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_admission_unanswered_total",
		Help: "Requests that were not answered because there was no room in time, for large ones, small ones, or small ones that wait. " +
			"The failurePolicy of their webhook decides what becomes of them.",
	}, []string{"requests"})}
	r.MustRegister(m.unanswered)
	for _, in := range []string{inLarge, inSmall, inText} {
		m.unanswered.WithLabelValues(in)
	}
	return m
}
