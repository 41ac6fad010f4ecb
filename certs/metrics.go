package certs

import (
	"crypto/x509"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics tell how long what is served is good for.
type Metrics struct {
	expiry prometheus.Gauge
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{expiry: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "holdfast_certificate_expiry_timestamp_seconds",
		Help: "When the serving certificate of this replica expires, in seconds since 1970; 0 while there is none.",
	})}
	registerer.MustRegister(m.expiry)
	return m
}

func (m *Metrics) serves(leaf *x509.Certificate) { m.expiry.Set(float64(leaf.NotAfter.Unix())) }
