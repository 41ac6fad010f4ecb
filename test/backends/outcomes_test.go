package backends

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/query"
)

// criteria are all kinds of what a plan may say of the requests of a canary.
const criteria = values + comparisons

// values are those of them that judge what a query is answered.
const values = `
analysis:
  interval: 5s
  period: 1m
  metrics:
  - {name: success, expect: success >= 99%, window: 20s}
  - {name: success-of-each, expect: success >= 99%, window: 20s, per: Pod}
  - {name: latency, expect: P90 < 300ms, window: 20s}
  - name: error-rate
    query: 1 - sum(rate(http_requests_total{ {{canary}}, code="200" }[20s])) / sum(rate(http_requests_total{ {{canary}} }[20s]))
    range: {max: 0.05}
  - name: queue
    query: max(queue_length{ {{canary}} })
    range: {max: 8}
  - name: over-time
    query: max(queue_length{ {{canary}} })
    over: {duration: 10s, step: 2s}
    range: {max: 8}
  - name: nothing
    query: max(no_such_metric{ {{canary}} })
    range: {max: 1}
  - name: share-of-none
    query: sum(rate(jobs_failed_total{ {{canary}} }[20s])) / (sum(rate(jobs_total{ {{canary}} }[20s])) > 0)
    range: {max: 1}
  - name: beside-stable
    query: avg(queue_length{ {{canary}} }) / avg(queue_length{ {{stable}} })
    range: {max: 2}
`

// comparisons are those that take samples, and wait until some are there.
const comparisons = `
  - name: errors-compared
    compare:
      to: Stable
      count: {bad: 'http_requests_total{ {{pods}}, code=~"5.." }', total: 'http_requests_total{ {{pods}} }'}
  - name: slow-compared
    compare:
      to: Stable
      count: {good: 'http_request_duration_seconds_bucket{ {{pods}}, le="0.25" }', total: 'http_request_duration_seconds_count{ {{pods}} }'}
`

// lookup is what a run would find out otherwise.
type lookup struct {
	endpoint measure.Endpoint
	set      string
}

func (l lookup) Endpoint(context.Context, string) (measure.Endpoint, error) { return l.endpoint, nil }
func (l lookup) Probes(context.Context) (measure.Endpoint, error)           { return l.endpoint, nil }
func (l lookup) Stable(context.Context) (map[string][]string, error) {
	return map[string][]string{"web-1": {"web-1-a", "web-1-b"}}, nil
}
func (l lookup) Service(context.Context) (string, error) { return l.set, nil }
func (l lookup) DeploymentLabels(context.Context) (map[string]string, error) {
	return nil, nil
}
func (l lookup) PodLabels(context.Context, analysis.Pod) (map[string]string, error) { return nil, nil }

// open opens an endpoint with settings as administrators write them, for the namespace of most.
func open(t *testing.T, url, settings string) measure.Endpoint {
	t.Helper()
	e, _ := opened(t, shop, url, settings)
	return e
}

// opened is the endpoint as a namespace may ask it, and its client.
func opened(t *testing.T, namespace, url, settings string) (measure.Endpoint, *promql.Client) {
	t.Helper()
	text := fmt.Sprintf("endpoints:\n- name: default\n  url: %s\n  scrapeInterval: %s\n%s", url, scrape, settings)
	found, mistakes := endpoint.Parse([]byte(text), endpoint.PodLabels{Namespace: "namespace", Pod: "pod"})
	if len(mistakes) > 0 {
		t.Fatal(mistakes.ToAggregate())
	}
	client, err := promql.New(found[0], promql.NewMetrics(prometheus.NewRegistry()), clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	view, err := client.View(namespace)
	if err != nil {
		t.Fatal(err)
	}
	return endpointOf(view), client
}

// endpointOf is how the evaluator asks what a namespace may see.
func endpointOf(view *promql.View) measure.Endpoint {
	of := view.Endpoint()
	return measure.Endpoint{
		Name: of.Name, Querier: view, ScrapeInterval: of.ScrapeInterval.Duration, Delay: of.Delay.Duration,
		Labels: query.Labels{Namespace: of.Labels.Namespace, Pod: of.Labels.Pod},
	}
}

// outcomes are those of the last of the rounds until a time, a line for each metric.
func outcomes(t *testing.T, e measure.Endpoint, c trial, until time.Time) map[string]string {
	t.Helper()
	out := map[string]string{}
	interval, ready := c.run.Analysis.Interval.Duration, c.run.Status.ReadyAt.Time
	for at := ready.Add(until.Sub(ready) % interval); !at.After(until); at = at.Add(interval) {
		s := c.at(at)
		round, err := measure.Observe(t.Context(), s, lookup{e, c.set}, at, new(measure.Budget).Reserve(s.Run.Namespace))
		if err != nil {
			t.Fatal(err)
		}
		var measured []v1alpha1.MetricStatus
		for _, metric := range s.Analysis.Metrics {
			o, before := round.Observations[metric.Name], analysis.Find(s.Status.Metrics, metric.Name)
			before.Name = metric.Name
			if o.FalseAlarms = falseAlarms; o.WarmingUp != "" {
				out[metric.Name] = "warming up until " + o.WarmingUp
				measured = append(measured, before)
				continue
			}
			now := analysis.Take(metric, before, at, o)
			measured = append(measured, now)
			m, _ := analysis.Newest(now)
			out[metric.Name] = string(m.Outcome) + " " + m.Reason
			if at.Add(interval).After(until) {
				t.Logf("%-16s %-20s %s", metric.Name, out[metric.Name], m.Message)
			}
		}
		c.run.Status.Metrics = measured
	}
	return out
}

const falseAlarms = 0.01

// agree says where two backends differ.
func agree(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, metric := range sortedKeys(want) {
		if got[metric] != want[metric] {
			t.Errorf("%s: %s, want %s", metric, got[metric], want[metric])
		}
	}
	if len(got) != len(want) {
		t.Errorf("of %d metrics, and want %d", len(got), len(want))
	}
}

func sortedKeys(m map[string]string) []string {
	var out []string
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}
