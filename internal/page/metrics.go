package page

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// What was answered, as metrics name it.
const (
	answerOK       = "ok"
	answerStranger = "stranger"
	answerRefused  = "refused"
	answerLater    = "later"
	answerError    = "error"
)

// Metrics count what the page does.
type Metrics struct {
	streams  prometheus.Gauge
	requests *prometheus.CounterVec
}

// NewMetrics registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	factory := promauto.With(registerer)
	m := &Metrics{
		streams: factory.NewGauge(prometheus.GaugeOpts{
			Name: "holdfast_page_streams",
			Help: "Tabs of browsers that follow runs on the page at present.",
		}),
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_page_requests_total",
			Help: "Requests to the page, by what was asked (stream, read, decide) and answered: ok, stranger (no token that the API server knows), refused (no right, or nothing to do), later (too much at once, or the API server is not reached), error.",
		}, []string{"asked", "answer"}),
	}
	for _, asked := range []string{kindStream, kindRead, kindDecide} {
		for _, answer := range []string{answerOK, answerStranger, answerRefused, answerLater, answerError} {
			m.requests.WithLabelValues(asked, answer)
		}
	}
	return m
}

func (m *Metrics) count(asked, answer string) {
	if m != nil {
		m.requests.WithLabelValues(asked, answer).Inc()
	}
}

func (m *Metrics) follows(n float64) {
	if m != nil {
		m.streams.Add(n)
	}
}

func answerOf(code int) string {
	switch {
	case code == http.StatusUnauthorized:
		return answerStranger
	case code == http.StatusServiceUnavailable, code == http.StatusTooManyRequests, code == http.StatusBadGateway:
		return answerLater
	case code >= http.StatusInternalServerError:
		return answerError
	}
	return answerRefused
}
