// Package meter counts what comes through the probe.
package meter

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
	"holdfast.dev/holdfast/internal/probe"
)

// buckets of the classic histogram, in seconds: a factor of two to two and a half between them, from what
// answers from memory to what people wait for.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// Metrics are those of all ports.
type Metrics struct {
	requests    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	inFlight    *prometheus.GaugeVec
	bytes       *prometheus.CounterVec
	connections *prometheus.CounterVec
}

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: probe.RequestsTotal,
			Help: "Requests that came to their end, by the status of the answer and that of gRPC. 502 is also one that the application broke off or gave none; other is one whose client left before the answer.",
		}, []string{probe.PortLabel, probe.CodeLabel, probe.GRPCStatusLabel}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            probe.RequestDuration,
			Help:                            "Time from the last byte of a request's header to the last one of its answer.",
			Buckets:                         buckets,
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{probe.PortLabel}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: probe.RequestsInFlight, Help: "Requests that are under way.",
		}, []string{probe.PortLabel}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: probe.BytesTotal,
			Help: "Bytes of bodies, and of connections that are not read as HTTP, from clients (in) and to them (out).",
		}, []string{probe.PortLabel, probe.DirectionLabel}),
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: probe.ConnectionsTotal,
			Help: "Connections that were not read as HTTP, by how they ended: closed, reset by the application, or refused by it.",
		}, []string{probe.PortLabel, probe.ResultLabel}),
	}
	r.MustRegister(m.requests, m.duration, m.inFlight, m.bytes, m.connections)
	return m
}

// Results of connections.
const (
	Closed  = "closed"
	Reset   = "reset"
	Refused = "refused"
)

// statuses is how many there can be of HTTP; beyond, from 100 to 599, it is none.
const (
	firstStatus = 100
	lastStatus  = 599
)

// Port counts what comes through one port. It is a follow.Observer.
type Port struct {
	name     string
	metrics  *Metrics
	inFlight prometheus.Gauge
	duration prometheus.Observer
	bytes    [2]prometheus.Counter
	// requests without gRPC by their status, and answers of gRPC with status 200, are looked up once.
	requests [lastStatus - firstStatus + 1]once
	grpc     [follow.GRPCStatuses]once
}

// Port is what counts for a port of this name. Its series for answers of 200 and for connections are there
// from the beginning, or the first ones would not be seen to be more than none.
func (m *Metrics) Port(name string) *Port {
	for _, result := range []string{Closed, Reset, Refused} {
		m.connections.WithLabelValues(name, result)
	}
	m.requests.WithLabelValues(name, "200", "")
	return &Port{
		name: name, metrics: m, inFlight: m.inFlight.WithLabelValues(name), duration: m.duration.WithLabelValues(name),
		bytes: [2]prometheus.Counter{follow.In: m.bytes.WithLabelValues(name, "in"), follow.Out: m.bytes.WithLabelValues(name, "out")},
	}
}

// Began counts a request as under way.
func (p *Port) Began() { p.inFlight.Inc() }

// Ended counts a request that began.
func (p *Port) Ended(r follow.Request) {
	p.inFlight.Dec()
	p.duration.Observe(r.Took.Seconds())
	p.request(r).Inc()
}

// request is the series of such requests.
func (p *Port) request(r follow.Request) prometheus.Counter {
	known := r.Code >= firstStatus && r.Code <= lastStatus
	code := "other"
	if known {
		code = strconv.Itoa(r.Code)
	}
	make := func() prometheus.Counter {
		return p.metrics.requests.WithLabelValues(p.name, code, r.GRPC.String())
	}
	switch {
	case known && r.GRPC == follow.NoGRPC:
		return p.requests[r.Code-firstStatus].get(make)
	case r.Code == 200:
		return p.grpc[r.GRPC].get(make)
	}
	return make()
}

// Carried counts bytes.
func (p *Port) Carried(d follow.Sender, n int) { p.bytes[d].Add(float64(n)) }

// Connection counts one that was not read as HTTP.
func (p *Port) Connection(result string) {
	p.metrics.connections.WithLabelValues(p.name, result).Inc()
}
