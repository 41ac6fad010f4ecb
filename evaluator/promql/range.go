package promql

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// QueryRange asks for the values of a query from one time to another, ends
// included, step by step. What goes wrong stands in the observation, as with Query.
func (c *Client) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Answer, error) {
	return c.AsNamespace("").QueryRange(ctx, query, from, to, step)
}

// QuerySamples asks for the samples that a range selector selects at a time, as
// they were scraped. What goes wrong stands in the observation, as with Query.
func (c *Client) QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return c.AsNamespace("").QuerySamples(ctx, query, at)
}

// sampled asks for them, by a request of its own.
func (a Asker) sampled(ctx context.Context, query string, at time.Time) answerWithCause {
	return a.observe(ctx, query, "/api/v1/query", url.Values{"query": {query}, "time": {seconds(at)}},
		func(kind string) bool { return kind == typeMatrix })
}

// ranged asks for them, by a request of its own.
func (a Asker) ranged(ctx context.Context, query string, from, to time.Time, step time.Duration) answerWithCause {
	return a.observe(ctx, query, "/api/v1/query_range", url.Values{
		"query": {query}, "start": {seconds(from)}, "end": {seconds(to)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	}, func(kind string) bool { return kind == typeMatrix })
}
