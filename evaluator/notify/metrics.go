package notify

import "github.com/prometheus/client_golang/prometheus"

// fate is what became of a message.
type fate string

const (
	fateDelivered fate = "delivered"
	// fateRefused: the receiver says that it would refuse the message again.
	fateRefused fate = "refused"
	// fateGivenUp: it was not taken for an hour, too many waited, or the receiver is no longer in the file.
	fateGivenUp fate = "given_up"
)

// Metrics are those about notifications.
type Metrics struct {
	messages *prometheus.CounterVec
	failures *prometheus.CounterVec
	waiting  func() map[string]int
}

// NewMetrics makes and registers them; none are registered if the registerer is nil.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_notifications_total",
			Help: "Messages to receivers of notifications, by what became of them: delivered, refused, given_up.",
		}, []string{"notifier", "outcome"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_notification_failures_total",
			Help: "Tries to send a message that its receiver did not take.",
		}, []string{"notifier"}),
		waiting: func() map[string]int { return nil },
	}
	if registerer != nil {
		registerer.MustRegister(m.messages, m.failures, waitingMessages{m})
	}
	return m
}

// begin has a receiver be known before anything becomes of its messages.
func (m *Metrics) begin(notifier string) {
	for _, f := range []fate{fateDelivered, fateRefused, fateGivenUp} {
		m.messages.WithLabelValues(notifier, string(f))
	}
	m.failures.WithLabelValues(notifier)
}

func (m *Metrics) count(notifier string, f fate) {
	m.messages.WithLabelValues(notifier, string(f)).Inc()
}

func (m *Metrics) fail(notifier string) { m.failures.WithLabelValues(notifier).Inc() }

// waitingMessages is a gauge of what waits when it is collected.
type waitingMessages struct{ metrics *Metrics }

var waitingDesc = prometheus.NewDesc("holdfast_notifications_waiting", "Messages that wait for their receiver.", []string{"notifier"}, nil)

// Describe implements prometheus.Collector.
func (waitingMessages) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- waitingDesc }

// Collect implements prometheus.Collector.
func (w waitingMessages) Collect(metrics chan<- prometheus.Metric) {
	for notifier, n := range w.metrics.waiting() {
		metrics <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(n), notifier)
	}
}
