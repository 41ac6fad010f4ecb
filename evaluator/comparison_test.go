package evaluator

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// few windows fit into the period of the plan.
var few = int32(1)

func comparing(name string, to v1alpha1.CompareTo) v1alpha1.Metric {
	return v1alpha1.Metric{Name: name, Compare: &v1alpha1.Comparison{
		To: to, Minimum: v1alpha1.Minimum{Points: &few}, Count: &v1alpha1.Counted{Bad: `r_total{ {{pods}}, code=~"5.." }`, Total: "r_total{ {{pods}} }"},
	}}
}

func TestBothSidesAreAskedFor(t *testing.T) {
	c := newCluster(t)
	c.judgeBy(comparing("errors", "Baseline"), comparing("warm", "Stable"), v1alpha1.Metric{
		Name: "p90", Query: "sum(rate(x_total{ {{pods}} }[{{window}}]))", Window: &metav1.Duration{Duration: 4 * time.Second}, Compare: &v1alpha1.Comparison{Minimum: v1alpha1.Minimum{Points: &few}},
	})
	c.hold()
	c.passes(20)
	run := c.run()
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
		if !slices.ContainsFunc(c.prometheus.asked, func(q string) bool { return strings.Contains(q, want) }) {
			t.Errorf("%s was not asked in\n%s", want, strings.Join(c.prometheus.asked[max(0, len(c.prometheus.asked)-12):], "\n"))
		}
	}
	if c.replicaSet(v1alpha1.BaselineName(run.Name, 1)) == nil {
		t.Error("there are no baseline pods")
	}
	if m := newest(t, run, "errors"); m.Outcome != v1alpha1.OutcomeNoData || m.Reason != v1alpha1.MeasuredNoData {
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
		c := newCluster(t)
		c.judgeBy(comparing("errors", "Baseline"))
		c.prometheus.answer = tc.answer
		c.hold()
		c.passes(8)
		if m := newest(t, c.run(), "errors"); m.Outcome != v1alpha1.OutcomeError || m.Reason != tc.reason {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
