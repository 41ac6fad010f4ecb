package gather_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/internal/query"
)

func TestNothingIsAskedBeforeTheWindowLiesAfterReady(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Endpoints = func(string, string, []string) (measure.Endpoint, error) {
		return measure.Endpoint{Querier: c.Prometheus, ScrapeInterval: 3 * time.Second}, nil
	}
	c.EditAnalysis(func(a *v1alpha1.Analysis) { a.Metrics[0].Query = `sum(rate(errors_total{ {{canary}} }[1m]))` })
	c.Hold()
	c.Passes(30)
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhaseReleased || run.Status.Overtime != 1 {
		t.Fatalf("run %s (%s), overtime %d", run.Status.Phase, run.Status.Message, run.Status.Overtime)
	}
	// Ready is at 0s, the period 10s, the interval 2s, the warm-up four scrapes: 12s.
	if got := len(c.Prometheus.Asked); got != 1 || !strings.HasSuffix(c.Prometheus.Asked[0], "[12s]))") {
		t.Errorf("asked %q, want once, after 12s, with a window of no more", c.Prometheus.Asked)
	}
}

func TestAnEndpointHasItsOwnLabels(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	var named string
	c.Endpoints = func(namespace, name string, _ []string) (measure.Endpoint, error) {
		named = namespace + "/" + name
		return measure.Endpoint{Querier: c.Prometheus, Labels: query.Labels{Namespace: "ns", Pod: "pod_name"}}, nil
	}
	c.EditAnalysis(func(a *v1alpha1.Analysis) {
		a.Endpoint = "thanos"
		a.Metrics[0].Query = `up{ {{canary}} }`
	})
	c.Hold()
	c.Passes(5)
	if len(c.Prometheus.Asked) == 0 || !strings.HasPrefix(c.Prometheus.Asked[0], `up{ ns="shop",pod_name=~"web-`) || named != "shop/thanos" {
		t.Errorf("asked %q of %s", c.Prometheus.Asked, named)
	}
}

// TestPoliciesPutMatchersOnQueries: those that select the namespace, and as they are now.
func TestPoliciesPutMatchersOnQueries(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	var got []string
	c.Endpoints = func(_, _ string, matchers []string) (measure.Endpoint, error) {
		got = matchers
		return measure.Endpoint{Querier: c.Prometheus}, nil
	}
	c.Hold()
	c.Passes(2)
	if len(got) != 0 {
		t.Fatalf("without policies the matchers are %q", got)
	}
	p := &v1alpha1.CanaryPolicy{}
	p.Name, p.Spec.Prometheus.Matchers = "tenants", []string{`namespace="{{namespace}}"`}
	if err := c.API.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	c.Passes(2)
	if len(got) != 1 || got[0] != p.Spec.Prometheus.Matchers[0] {
		t.Errorf("the matchers are %q, want those of the policy, also for a run under way", got)
	}
}

func TestAnUnknownEndpointEndsInconclusive(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Endpoints = func(_, name string, _ []string) (measure.Endpoint, error) {
		return measure.Endpoint{}, errors.New("unknown Prometheus endpoint \"" + name + "\": plans may name a, b")
	}
	c.EditAnalysis(func(a *v1alpha1.Analysis) {
		a.Endpoint = "thanos"
		a.ErrorLimit = new(int32)
	})
	c.Hold()
	c.Passes(10)
	run := c.Run()
	if run.Status.Verdict != v1alpha1.VerdictInconclusive || run.Status.Reason != v1alpha1.ReasonErrorLimit ||
		!strings.Contains(run.Status.Message, `unknown Prometheus endpoint "thanos": plans may name a, b`) {
		t.Errorf("run %s %s (%s)", run.Status.Verdict, run.Status.Reason, run.Status.Message)
	}
	if len(c.Prometheus.Asked) > 0 {
		t.Errorf("asked %q", c.Prometheus.Asked)
	}
}
