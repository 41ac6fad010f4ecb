// Package metrics lists the metrics that Holdfast registers, as the constructors make them: for the reference
// page, and for what asks for them by name (dashboards, rules).
package metrics

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/certs"
	"holdfast.dev/holdfast/evaluator/gates"
	"holdfast.dev/holdfast/evaluator/inbound"
	"holdfast.dev/holdfast/evaluator/notify"
	"holdfast.dev/holdfast/evaluator/probes"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/webhook/deployment"
	"holdfast.dev/holdfast/webhook/serving"
	"holdfast.dev/holdfast/webhook/status"
)

// Metric is one that is registered.
type Metric struct {
	Name, Help string
	Labels     []string
	// Histogram: its series are those of buckets, sum and count.
	Histogram bool
}

// List is what Holdfast registers itself, by name.
func List() []Metric {
	var c collected
	certs.NewMetrics(&c)
	deployment.NewMetrics(&c)
	status.NewMetrics(&c)
	serving.NewMetrics(&c)
	tell.NewMetrics(&c, nil, time.Now)
	promql.NewMetrics(&c)
	gates.NewMetrics(&c)
	notify.NewMetrics(&c)
	inbound.NewMetrics(&c)
	probes.NewMetrics(&c)
	page.NewMetrics(&c)
	slices.SortFunc(c.metrics, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return c.metrics
}

// Of is what a collector describes: one, or a registry with many.
func Of(collector prometheus.Collector) ([]Metric, error) {
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		collector.Describe(descriptions)
	}()
	var out []Metric
	var wrong error
	for d := range descriptions { // all of them: who describes waits
		parts := description.FindStringSubmatch(d.String())
		if parts == nil {
			wrong = fmt.Errorf("cannot read %s", d)
			continue
		}
		m := Metric{Name: parts[1], Help: strings.ReplaceAll(parts[2], `\"`, `"`), Histogram: isHistogram(collector)}
		if parts[3] != "" {
			m.Labels = strings.Split(parts[3], ",")
		}
		out = append(out, m)
	}
	return out, wrong
}

var description = regexp.MustCompile(`fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)".*variableLabels: \{([^}]*)\}`)

func isHistogram(collector prometheus.Collector) bool {
	switch collector.(type) {
	case prometheus.Histogram, *prometheus.HistogramVec:
		return true
	}
	return false
}

// collected is a Registerer that only remembers what it is given.
type collected struct {
	prometheus.Registerer
	metrics []Metric
}

func (c *collected) MustRegister(collectors ...prometheus.Collector) {
	for _, collector := range collectors {
		if err := c.Register(collector); err != nil {
			panic(err)
		}
	}
}

func (c *collected) Register(collector prometheus.Collector) error {
	found, err := Of(collector)
	c.metrics = append(c.metrics, found...)
	return err
}
