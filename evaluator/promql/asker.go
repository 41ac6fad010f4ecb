package promql

import (
	"context"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// Asker asks a Client on behalf of a namespace.
type Asker struct {
	*Client
	namespace string
}

// AsNamespace is the Client as the runs of a namespace use it: whose queries wait for a
// turn behind whose goes by that. An answer that several namespaces want is
// asked for in the turn of the first of them.
func (c *Client) AsNamespace(namespace string) Asker { return Asker{c, namespace} }

// Query is Client.Query for the namespace.
func (a Asker) Query(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return a.shared.query(ctx, a, query, at)
}

// QueryRange is Client.QueryRange for the namespace.
func (a Asker) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Answer, error) {
	return a.shared.queryRange(ctx, a, query, from, to, step)
}

// QuerySamples is Client.QuerySamples for the namespace.
func (a Asker) QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return a.shared.querySamples(ctx, a, query, at)
}
