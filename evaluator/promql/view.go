package promql

import (
	"context"
	"fmt"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/query/tenancy"
)

// View is an endpoint as one namespace may ask it: every selector of every query
// has the namespace's matchers before anything else is done with it. So queries
// of two namespaces are shared, or joined, only where they select the same; and
// they wait for their turns each for itself.
type View struct {
	client    *Client
	namespace string
	matchers  tenancy.Matchers
}

// View returns the endpoint as a namespace may ask it, of which policies demand
// these matchers too.
func (c *Client) View(namespace string, demanded ...string) (*View, error) {
	matchers, err := c.endpoint.Tenancy.With(demanded).MatchersFor(namespace)
	if err != nil {
		return nil, fmt.Errorf("tenancy of Prometheus endpoint %q: %w", c.endpoint.Name, err)
	}
	return &View{client: c, namespace: namespace, matchers: matchers}, nil
}

// Endpoint returns the settings of the endpoint.
func (v *View) Endpoint() endpoint.Definition { return v.client.Endpoint() }

// SampleAge is how old the newest sample of the endpoint was, whosever it is.
func (v *View) SampleAge() analysis.SampleAge { return v.client.SampleAge() }

// Query is Client.Query of the namespace's series.
func (v *View) Query(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return v.ask(query, func(query string) (analysis.Answer, error) { return v.asks().Query(ctx, query, at) })
}

// QueryRange is Client.QueryRange of the namespace's series.
func (v *View) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Answer, error) {
	return v.ask(query, func(query string) (analysis.Answer, error) {
		return v.asks().QueryRange(ctx, query, from, to, step)
	})
}

// QuerySamples is Client.QuerySamples of the namespace's series.
func (v *View) QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return v.ask(query, func(query string) (analysis.Answer, error) { return v.asks().QuerySamples(ctx, query, at) })
}

func (v *View) asks() Asker { return v.client.AsNamespace(v.namespace) }

func (v *View) ask(query string, ask func(query string) (analysis.Answer, error)) (analysis.Answer, error) {
	if len(v.matchers) == 0 {
		return ask(query)
	}
	enforced, err := tenancy.Enforce(query, v.matchers)
	if err != nil {
		refused := &serverError{kindBadQuery, fmt.Sprintf("was not asked for namespace %s: %v", v.namespace, err)}
		return v.client.failed(analysis.Answer{Query: query}, refused).Answer, nil
	}
	return ask(enforced)
}
