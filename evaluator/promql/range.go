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
func (c *Client) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Observation, error) {
	return c.shared.queryRange(ctx, query, from, to, step)
}

// ranged asks for them, by a request of its own.
func (c *Client) ranged(ctx context.Context, query string, from, to time.Time, step time.Duration) outcome {
	return c.observe(ctx, query, "/api/v1/query_range", url.Values{
		"query": {query}, "start": {seconds(from)}, "end": {seconds(to)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	}, func(kind string) bool { return kind == typeMatrix })
}
