package evaluatortest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// PrometheusStub gives every query the same answer, and remembers what was asked.
type PrometheusStub struct {
	Answer analysis.Answer
	mutex  sync.Mutex // of asked
	Asked  []string
	Panics bool
}

// Query implements measure.Querier.
func (p *PrometheusStub) Query(ctx context.Context, query string, _ time.Time) (analysis.Answer, error) {
	p.mutex.Lock()
	p.Asked = append(p.Asked, query)
	p.mutex.Unlock()
	if p.Panics {
		panic("a fault of Holdfast")
	}
	out := p.Answer
	out.Query = query
	return out, ctx.Err()
}

// QueryRange implements measure.Querier.
func (p *PrometheusStub) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Answer, error) {
	return p.Query(ctx, fmt.Sprintf("%s from %s to %s step %s", query, from.Format(time.TimeOnly), to.Format(time.TimeOnly), step), to)
}

// QuerySamples implements measure.Querier.
func (p *PrometheusStub) QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return p.Query(ctx, "samples of "+query, at)
}

// WantNeverAsked says of a pod that no query names it.
func (c *Cluster) WantNeverAsked(pod string) {
	c.T.Helper()
	for _, query := range c.Prometheus.Asked {
		if strings.Contains(query, pod) {
			c.T.Errorf("pod %s was measured: %s", pod, query)
		}
	}
}

// WantStable wants the newest question to be of these pods, as a regular expression.
func (c *Cluster) WantStable(pattern string) {
	c.T.Helper()
	last := ""
	for _, query := range c.Prometheus.Asked {
		if strings.Contains(query, "sum(rate(x{") {
			last = query
		}
	}
	if !strings.Contains(last, `"`+pattern+`" }[1m]))`) {
		c.T.Errorf("the stable pods are wanted to be %s; asked was %s", pattern, last)
	}
}
