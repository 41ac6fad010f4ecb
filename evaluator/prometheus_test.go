package evaluator

import (
	"context"
	"fmt"
	"sync"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// prometheusStub gives every query the same answer, and remembers what was asked.
type prometheusStub struct {
	answer analysis.Answer
	mutex  sync.Mutex // of asked
	asked  []string
	panics bool
}

func (p *prometheusStub) Query(ctx context.Context, query string, _ time.Time) (analysis.Answer, error) {
	p.mutex.Lock()
	p.asked = append(p.asked, query)
	p.mutex.Unlock()
	if p.panics {
		panic("a fault of Holdfast")
	}
	out := p.answer
	out.Query = query
	return out, ctx.Err()
}

func (p *prometheusStub) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Answer, error) {
	return p.Query(ctx, fmt.Sprintf("%s from %s to %s step %s", query, from.Format(time.TimeOnly), to.Format(time.TimeOnly), step), to)
}

func (p *prometheusStub) QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return p.Query(ctx, "samples of "+query, at)
}
