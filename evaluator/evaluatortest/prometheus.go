package evaluatortest

import (
	"context"
	"fmt"
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
