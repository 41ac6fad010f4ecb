package measure

import (
	"context"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/internal/query"
)

// Querier asks a source of measurements for the value of a query at a time, for
// its values at every step of a time, both ends included, or for the samples that
// a range selector selects, as they were scraped. What goes wrong stands in the
// answer; an error is for a ctx that ended, and then nothing was answered.
type Querier interface {
	Query(ctx context.Context, query string, at time.Time) (analysis.Answer, error)
	QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Answer, error)
	QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error)
}

// Endpoint is a Prometheus that a plan may name.
type Endpoint struct {
	Querier
	// Labels are those by which its series name a pod.
	Labels query.Labels
	// ScrapeInterval is how often it takes samples of pods; zero if not known.
	ScrapeInterval time.Duration
	// Delay is how long after it was taken a sample can be asked for.
	Delay time.Duration
	// Name is what plans call it by; "" if they do not.
	Name string
	// SampleAge is how old its newest sample was, as far as that is known.
	SampleAge analysis.SampleAge
	// Since is the time from which on there are samples of the run at all; zero where they
	// have been taken all along.
	Since time.Time
}

// AgeOf asks how old the newest sample is that some rendered queries find at a time.
func (e Endpoint) AgeOf(ctx context.Context, queries []string, now time.Time) (analysis.SampleAge, error) {
	text := query.NewestSample(queries...)
	if text == "" {
		return analysis.SampleAge{}, nil
	}
	answer, err := e.Query(ctx, text, now)
	newest := promql.TimeIn(answer)
	if err != nil || answer.Error != "" || newest.IsZero() {
		return analysis.SampleAge{}, err
	}
	return analysis.SampleAge{Known: true, Age: max(0, now.Sub(newest)), Endpoint: e.Name, Delay: e.Delay, Scrape: e.ScrapeInterval}, nil
}

// EndpointFunc finds the endpoint that a plan of a namespace names, "" being the
// default, to be asked with the matchers that policies demand. Its error is shown
// to those who may read the run.
type EndpointFunc func(namespace, name string, matchers []string) (Endpoint, error)

// EndpointsOf finds them among the servers that an administrator defined.
func EndpointsOf(known *promql.Endpoints) EndpointFunc {
	return func(namespace, name string, matchers []string) (Endpoint, error) {
		view, err := known.Find(namespace, name, matchers...)
		if err != nil {
			return Endpoint{}, err
		}
		e := view.Endpoint()
		return Endpoint{
			Name: e.Name, SampleAge: view.SampleAge(), Querier: view, ScrapeInterval: e.ScrapeInterval.Duration, Delay: e.Delay.Duration,
			Labels: query.Labels{Namespace: e.Labels.Namespace, Pod: e.Labels.Pod},
		}, nil
	}
}
