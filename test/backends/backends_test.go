// Package backends has the same pods scraped by Prometheus and by what else answers PromQL, and holds what Holdfast
// makes of each against the other.
package backends

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/query"
)

// criteria are all kinds of what a plan may say of the requests of a canary.
const criteria = `
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
  - name: errors-compared
    compare:
      to: Stable
      count: {bad: 'http_requests_total{ {{pods}}, code=~"5.." }', total: 'http_requests_total{ {{pods}} }'}
  - name: slow-compared
    compare:
      to: Stable
      count: {good: 'http_request_duration_seconds_bucket{ {{pods}}, le="0.25" }', total: 'http_request_duration_seconds_count{ {{pods}} }'}
`

// subject is a canary whose pods are those of a set, Ready since a time, and judged by a plan.
func subject(t *testing.T, set string, ready time.Time, plan string) measure.Subject {
	t.Helper()
	var spec v1alpha1.CanaryPlanSpec
	if err := yaml.UnmarshalStrict([]byte(plan), &spec); err != nil {
		t.Fatal(err)
	}
	spec.SetDefaults()
	at := metav1.NewTime(ready.Truncate(time.Second))
	s := measure.Subject{
		Run: types.NamespacedName{Namespace: "shop", Name: set}, Deployment: "web", Canary: []string{set}, PodNames: names(set), Analysis: spec.Analysis,
		Status: v1alpha1.CanaryRunStatus{ReadyAt: &at, Step: &v1alpha1.StepStatus{Number: 1, StartedAt: at, ReadyAt: &at}, Replicas: 2},
	}
	for _, name := range s.PodNames[set] {
		s.Pods = append(s.Pods, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: at}})
	}
	return s
}

func names(set string) map[string][]string {
	out := map[string][]string{}
	for _, p := range pods {
		if p.set == set {
			out[set] = append(out[set], p.name)
		}
	}
	return out
}

// lookup is what a run would find out otherwise.
type lookup struct{ endpoint measure.Endpoint }

func (l lookup) Endpoint(context.Context, string) (measure.Endpoint, error) { return l.endpoint, nil }
func (l lookup) Probes(context.Context) (measure.Endpoint, error)           { return l.endpoint, nil }
func (l lookup) Stable(context.Context) (map[string][]string, error)        { return names("web-1"), nil }
func (l lookup) Service(context.Context) (string, error)                    { return "", nil }
func (l lookup) DeploymentLabels(context.Context) (map[string]string, error) {
	return nil, nil
}
func (l lookup) PodLabels(context.Context, analysis.Pod) (map[string]string, error) { return nil, nil }

// open opens an endpoint with settings as administrators write them.
func open(t *testing.T, url, settings string) measure.Endpoint {
	t.Helper()
	e, _ := opened(t, url, settings)
	return e
}

// opened is the endpoint and its client.
func opened(t *testing.T, url, settings string) (measure.Endpoint, *promql.Client) {
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
	view, err := client.View("shop")
	if err != nil {
		t.Fatal(err)
	}
	return measure.Endpoint{
		Name: found[0].Name, Querier: view, ScrapeInterval: found[0].ScrapeInterval.Duration, Delay: found[0].Delay.Duration,
		Labels: query.Labels{Namespace: found[0].Labels.Namespace, Pod: found[0].Labels.Pod},
	}, client
}

// outcomes are those of the last of the rounds until a time, a line for each metric.
func outcomes(t *testing.T, e measure.Endpoint, s measure.Subject, until time.Time) map[string]string {
	t.Helper()
	out := map[string]string{}
	interval := s.Analysis.Interval.Duration
	first := s.Status.ReadyAt.Add(until.Sub(s.Status.ReadyAt.Time) % interval)
	for at := first; !at.After(until); at = at.Add(interval) {
		round, err := measure.Observe(t.Context(), s, lookup{e}, at, new(measure.Budget).Reserve("shop"))
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
		s.Status.Metrics = measured
	}
	return out
}

const falseAlarms = 0.01

// delayed are the settings of one that is asked for a time before the first failures.
const delayed = "delay: 30s"

var withThanos = flag.Bool("thanos", false, "ask Thanos too, which takes minutes to build (make test-backends)")

// backend is what answers, and how Holdfast's administrator has it asked.
type backend struct {
	name, address, settings string
	// born is what increase() makes of a counter that is born at 9.
	born float64
	// punctual: with these settings its newest sample is never older than it may be.
	punctual bool
}

// TestEveryBackendComesToTheSameOutcomes, criterion by criterion, for canaries that are good, fail, are slow, restart, and fail
// for the first time.
func TestEveryBackendComesToTheSameOutcomes(t *testing.T) {
	t.Parallel()
	began := time.Now()
	config := scrapeConfig(t, application(t, began))
	byPrometheus, byVictoria := prometheusServer(t, config), victoriaServer(t, config)
	byReceiver := agentAndReceiver(t, config)
	backends := []backend{
		{"VictoriaMetrics, its latency taken back", byVictoria, "  delay: 5s\n  arguments: {latency_offset: 1s}\n", 9, false},
		{"VictoriaMetrics, its latency waited for", byVictoria, "  delay: 30s\n", 9, false},
		{"an agent that writes to Prometheus", byReceiver, "  delay: 10s\n", 0, true},
	}
	if *withThanos {
		backends = append(backends, backend{"Thanos with a sidecar", thanosQuery(t, byPrometheus), "  arguments: {partial_response: \"false\"}\n", 0, true})
	}
	t.Log("75 s of samples are scraped")
	time.Sleep(time.Until(began.Add(75 * time.Second)))
	now := time.Now()
	ready := began.Add(5 * time.Second)
	for _, set := range []string{"good", "bad", "slow", "again", "born"} {
		want := outcomes(t, open(t, byPrometheus, ""), subject(t, set, ready, criteria), now)
		fails := map[string]string{"bad": "success", "born": "success", "slow": "latency"}[set]
		if want["success"] == "" || fails != "" && !strings.HasPrefix(want[fails], "Failed") {
			t.Fatalf("%s: Prometheus itself came to %v", set, want)
		}
		for _, backend := range backends {
			if set == "born" && strings.Contains(backend.settings, delayed) {
				continue // which looks at a time before
			}
			t.Run(set+" by "+backend.name, func(t *testing.T) {
				agree(t, outcomes(t, open(t, backend.address, backend.settings), subject(t, set, ready, criteria), now), want)
			})
		}
	}
	firstIncrements(t, open(t, byPrometheus, ""), now, 0, 0)
	for _, backend := range backends {
		if !strings.Contains(backend.settings, delayed) {
			firstIncrements(t, open(t, backend.address, backend.settings), now, backend.born, 0)
		}
		if !backend.punctual {
			continue
		}
		e := measured(t, backend.address, backend.settings)
		if t.Logf("%s: the newest sample is %s old", backend.name, e.SampleAge.Age); !e.SampleAge.Known || e.SampleAge.IsLate() {
			t.Errorf("%s: %+v", backend.name, e.SampleAge)
		}
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
