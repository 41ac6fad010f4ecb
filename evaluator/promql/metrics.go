package promql

import (
	"context"
	"errors"
	"net"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
)

// Kinds of errors, the values of the label kind.
const (
	kindTimeout     = "timeout"
	kindUnreachable = "unreachable"
	kindBadQuery    = "bad_query"
	kindServer      = "server"
	kindBadResponse = "bad_response"
	kindTooLarge    = "too_large"
	kindNone        = "not_configured"
)

// Metrics count the queries and their errors.
type Metrics struct {
	duration prometheus.Histogram
	errors   *prometheus.CounterVec
}

// NewMetrics makes the metrics of a client and registers them, unless the
// registerer is nil.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "holdfast_query_duration_seconds",
			Help:    "Time Prometheus took to answer a query of an analysis.",
			Buckets: []float64{0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10},
		}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_query_errors_total",
			Help: "Queries of an analysis that got no answer, by kind of error.",
		}, []string{"kind"}),
	}
	for _, kind := range []string{kindTimeout, kindUnreachable, kindBadQuery, kindServer, kindBadResponse, kindTooLarge, kindNone} {
		m.errors.WithLabelValues(kind)
	}
	if registerer != nil {
		registerer.MustRegister(m.duration, m.errors)
	}
	return m
}

func kindOf(err error) string {
	var fromServer *promv1.Error
	var network net.Error
	switch {
	case errors.Is(err, errNone):
		return kindNone
	case errors.Is(err, errTooLarge):
		return kindTooLarge
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return kindTimeout
	case errors.As(err, &fromServer):
		return kindOfServer(fromServer.Type)
	case network != nil:
		return kindUnreachable
	default:
		return kindBadResponse
	}
}

func kindOfServer(kind promv1.ErrorType) string {
	switch kind {
	case promv1.ErrBadData, promv1.ErrExec, promv1.ErrClient:
		return kindBadQuery
	case promv1.ErrTimeout, promv1.ErrCanceled:
		return kindTimeout
	case promv1.ErrBadResponse:
		return kindBadResponse
	default:
		return kindServer
	}
}
