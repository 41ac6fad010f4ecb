package serving

import "github.com/prometheus/client_golang/prometheus"

// What there is room of: large requests, small ones, and the text of small ones that wait.
const (
	inLarge = "large"
	inSmall = "small"
	inText  = "waiting"
)

// Metrics count the requests that are not answered, or answered without being read.
type Metrics struct{ unanswered, tooLarge *prometheus.CounterVec }

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{unanswered: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_admission_unanswered_total",
		Help: "Requests that were not answered because there was no room in time, for large ones, small ones, or small ones that wait. " +
			"The failurePolicy of their webhook decides what becomes of them.",
	}, []string{"requests"}), tooLarge: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_admission_too_large_total",
		Help: "Requests that were too large to be read (7 MiB). They are refused; deletions, which need no object, pass and are remembered.",
	}, []string{"answer"})}
	r.MustRegister(m.unanswered, m.tooLarge)
	for _, answer := range []string{"refused", "passed"} {
		m.tooLarge.WithLabelValues(answer)
	}
	for _, in := range []string{inLarge, inSmall, inText} {
		m.unanswered.WithLabelValues(in)
	}
	return m
}
