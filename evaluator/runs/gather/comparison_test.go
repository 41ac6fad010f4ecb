package gather_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

func TestBothSidesAreAskedFor(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(evaluatortest.Comparing("errors", "Baseline"), evaluatortest.Comparing("warm", "Stable"), v1alpha1.Metric{
		Name: "p90", Query: "sum(rate(x_total{ {{pods}} }[{{window}}]))", Window: &metav1.Duration{Duration: 4 * time.Second}, Compare: &v1alpha1.Comparison{Minimum: v1alpha1.Minimum{Points: &evaluatortest.Few}},
	})
	c.Hold()
	c.Passes(20)
	run := c.Run()
	if run.Status.ReadyAt == nil {
		t.Fatalf("the canary is not Ready: %+v", run.Status)
	}
	first := " from " + run.Status.ReadyAt.Add(4*time.Second).Format(time.TimeOnly)
	for _, want := range []string{
		`samples of r_total{code=~"5..",namespace="shop",pod=~"` + run.Name + `-x"}[5m`,
		`samples of r_total{namespace="shop",pod=~"` + run.Name + `-baseline-x"}[5m`,
		`samples of r_total{namespace="shop",pod=~"web-`,
		`sum(rate(x_total{ namespace="shop",pod=~"` + run.Name + `-x" }[4s]))` + first,
		`sum(rate(x_total{ namespace="shop",pod=~"` + run.Name + `-baseline-x" }[4s]))` + first,
	} {
		if !slices.ContainsFunc(c.Prometheus.Asked, func(q string) bool { return strings.Contains(q, want) }) {
			t.Errorf("%s was not asked in\n%s", want, strings.Join(c.Prometheus.Asked[max(0, len(c.Prometheus.Asked)-12):], "\n"))
		}
	}
	if c.ReplicaSet(v1alpha1.BaselineName(run.Name, 1)) == nil {
		t.Error("there are no baseline pods")
	}
	if m := evaluatortest.Newest(t, run, "errors"); m.Outcome != v1alpha1.OutcomeNoData || m.Reason != v1alpha1.MeasuredNoData {
		t.Errorf("a series without samples: %+v", m)
	}
}

func TestWhatGoesWrongOnOneSideIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		answer analysis.Answer
		reason string
	}{
		"an error":     {analysis.Answer{Error: "connection refused"}, v1alpha1.MeasuredError},
		"a warning":    {analysis.Answer{Warnings: []string{"store missing"}}, v1alpha1.MeasuredPartialData},
		"a wrong type": {analysis.Answer{WrongType: "matrix of histograms"}, v1alpha1.MeasuredWrongType},
	} {
		c := evaluatortest.NewCluster(t)
		c.JudgeBy(evaluatortest.Comparing("errors", "Baseline"))
		c.Prometheus.Answer = tc.answer
		c.Hold()
		c.Passes(8)
		if m := evaluatortest.Newest(t, c.Run(), "errors"); m.Outcome != v1alpha1.OutcomeError || m.Reason != tc.reason {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
