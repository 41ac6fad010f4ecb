package gather_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

func TestWindowsDoNotReachBackBeforeTheCanaryWasReady(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	one := 1.0
	r := v1alpha1.Range{Max: &one}
	c.JudgeBy(
		v1alpha1.Metric{Name: "over", Query: "up{ {{canary}} }", Range: r,
			Over: &v1alpha1.Over{Duration: metav1.Duration{Duration: 5 * time.Minute}, Step: &metav1.Duration{Duration: 3 * time.Second}}},
		v1alpha1.Metric{Name: "window", Query: "rate(x[{{window}}])", Range: r},
		v1alpha1.Metric{Name: "both", Query: "rate(z[{{window}}])", Range: r, Window: &metav1.Duration{Duration: 4 * time.Second},
			Over: &v1alpha1.Over{Duration: metav1.Duration{Duration: 5 * time.Minute}, Step: &metav1.Duration{Duration: time.Second}}},
		v1alpha1.Metric{Name: "short", Query: "rate(y[{{window}}])", Range: r, Window: &metav1.Duration{Duration: 3 * time.Second}},
	)
	c.Hold()
	c.Passes(20)
	readyAt := c.Run().Status.ReadyAt.Time
	at := readyAt.Add(10 * time.Second)
	for _, want := range []string{
		"} from " + readyAt.Add(time.Second).Format(time.TimeOnly) + " to " + at.Format(time.TimeOnly) + " step 3s",
		"rate(x[10s])", "rate(y[3s])",
		"rate(z[4s]) from " + readyAt.Add(4*time.Second).Format(time.TimeOnly) + " to " + at.Format(time.TimeOnly) + " step 1s",
	} {
		if !slices.ContainsFunc(c.Prometheus.Asked, func(q string) bool { return strings.Contains(q, want) }) {
			t.Errorf("%s was not asked in\n%s", want, strings.Join(c.Prometheus.Asked, "\n"))
		}
	}
}

// Where a quantile may be the end of the last bucket, it is asked whether it lies beyond.
func TestAQuantileIsAskedForItsBuckets(t *testing.T) {
	five := 5.0
	for value, want := range map[float64]string{2.5: v1alpha1.MeasuredBeyondBuckets, 2.3456789: v1alpha1.MeasuredInRange} {
		c := evaluatortest.NewCluster(t)
		c.Prometheus.Answer = analysis.Answer{Series: []analysis.Series{{Labels: "{}", Value: value}}}
		c.JudgeBy(v1alpha1.Metric{Name: "latency", Range: v1alpha1.Range{Max: &five},
			Query: "histogram_quantile(0.9, sum by (le) (rate(l_bucket{ {{canary}} }[5s])))"})
		c.Hold()
		c.Passes(20)
		if m := evaluatortest.Newest(t, c.Run(), "latency"); m.Reason != want {
			t.Errorf("%g: got %s: %s", value, m.Reason, m.Message)
		}
		asked := slices.ContainsFunc(c.Prometheus.Asked, func(q string) bool { return strings.HasPrefix(q, "count(max without (le) (") })
		if asked != (want == v1alpha1.MeasuredBeyondBuckets) {
			t.Errorf("%g: asked %t in\n%s", value, asked, strings.Join(c.Prometheus.Asked, "\n"))
		}
	}
}

func TestEveryKindOfMetricIsMeasured(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	sick := metav1.LabelSelector{MatchLabels: map[string]string{"sick": "true"}}
	c.JudgeBy(
		v1alpha1.Metric{Name: "latency", Expect: "P99 < 310ms"},
		v1alpha1.Metric{Name: "each", Expect: "P99 < 310ms", Per: "Pod"},
		v1alpha1.Metric{Name: "marked", Labels: &v1alpha1.LabelWatch{Selector: sick}},
		v1alpha1.Metric{Name: "object", Labels: &v1alpha1.LabelWatch{Of: "Deployment", Selector: sick}},
		v1alpha1.Metric{Name: "alerts", Alerts: &v1alpha1.AlertWatch{Matchers: []string{`severity="critical"`}}},
	)
	c.Prometheus.Answer = analysis.Answer{}
	c.Hold()
	c.Passes(4)
	run := c.Run()
	for metric, want := range map[string]struct {
		outcome v1alpha1.Outcome
		query   string
	}{
		"latency": {"NoData", "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{ namespace="},
		"each":    {"NoData", "sum by (pod, le)"},
		"marked":  {"Passed", ""},
		"object":  {"Passed", ""},
		"alerts":  {"Passed", `ALERTS{ alertstate="firing", namespace="shop",pod=~"` + run.Name + `-x", severity="critical" }`},
	} {
		if m := evaluatortest.Newest(t, run, metric); m.Outcome != want.outcome || !strings.Contains(m.Query, want.query) {
			t.Errorf("%s: got %+v", metric, m)
		}
	}
}

func TestALabelOnACanaryPodFailsAtOnce(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(v1alpha1.Metric{Name: "marked", Labels: &v1alpha1.LabelWatch{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"sick": "true"}}}})
	c.Hold()
	c.Passes(4)
	if m := evaluatortest.Newest(t, c.Run(), "marked"); m.Outcome != v1alpha1.OutcomePassed {
		t.Fatalf("before: %+v", m)
	}
	pod := c.CanaryPod()
	pod.Labels["sick"] = "true"
	c.Must(c.API.Update(t.Context(), pod))
	c.Passes(4)
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhaseReverted || run.Status.Reason != v1alpha1.ReasonLabelFound || !strings.Contains(run.Status.Message, "pod "+pod.Name+" matches sick=true") {
		t.Errorf("run %s %s (%s)", run.Status.Phase, run.Status.Reason, run.Status.Message)
	}
	if got := analysis.Find(run.Status.Metrics, "marked").Failed; got != 1 {
		t.Errorf("it took %d failures", got)
	}
}

// TestADeviationSurvivesARestart: an evaluator that comes new knows the first
// value, because it stands in the status.
func TestADeviationSurvivesARestart(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(v1alpha1.Metric{Name: "memory", Query: "memory", Deviation: &v1alpha1.Deviation{From: "First", By: "10%", Direction: "Up"}})
	c.Prometheus.Answer = analysis.Answer{Series: []analysis.Series{{Value: 100}}}
	c.Hold()
	c.Passes(4)
	run := c.Run()
	if first := analysis.Find(run.Status.Metrics, "memory").First; len(first) != 1 || first[0].Value != 100 {
		t.Fatalf("the status has first values %+v", first)
	}
	c.Prometheus.Answer = analysis.Answer{Series: []analysis.Series{{Value: 111}}}
	c.Passes(2)
	if m := evaluatortest.Newest(t, c.Run(), "memory"); m.Outcome != v1alpha1.OutcomeFailed || !strings.Contains(m.Range, "(the first value, at most 10% up)") {
		t.Errorf("got %+v", m)
	}
}

// A fault of Holdfast that one tenant's query meets is that measurement's error,
// and not the end of the process.
func TestAPanicIsAnErrorOfItsMeasurement(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Prometheus.Panics = true
	c.Hold()
	c.Passes(8)
	run := c.Run()
	m := evaluatortest.Newest(t, run, "errors")
	if m.Outcome != v1alpha1.OutcomeError || !strings.Contains(m.Message, "internal error") || strings.Contains(m.Message, "a fault of") {
		t.Errorf("measured %+v", m)
	}
	c.Prometheus.Panics = false
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
}

// What answers take in memory is limited, also those of one round: they are kept
// until the last of them is there.
func TestARoundTakesLittleMemory(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	series := make([]analysis.Series, 10_000) // some 5 MiB
	c.Prometheus.Answer = analysis.Answer{Series: series}
	var metrics []v1alpha1.Metric
	one := 1.0
	for i := range 8 {
		metrics = append(metrics, v1alpha1.Metric{Name: fmt.Sprintf("m%d", i), Query: "up{ {{canary}} }", Range: v1alpha1.Range{Max: &one}})
	}
	c.JudgeBy(metrics...)
	c.Hold()
	c.Passes(5)
	for range 2 { // what has been judged leaves its place to the next round
		tooLarge := 0
		for _, metric := range metrics {
			if m := evaluatortest.Newest(t, c.Run(), metric.Name); strings.Contains(m.Message, "take more than 24.0 MiB; let queries") {
				tooLarge++
			}
		}
		if tooLarge != 4 {
			t.Errorf("%d of 8 answers were too large", tooLarge)
		}
		c.Passes(3)
	}
}

// What labels there are is asked for where nobody can say how requests ended, and
// else no query is sent beside that of the metric.
func TestLabelsAreAskedForOnlyInTrouble(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(v1alpha1.Metric{Name: "success", Expect: "success >= 99%"})
	c.Prometheus.Answer = analysis.Answer{Series: []analysis.Series{{Labels: `{code="200"}`, Metric: map[string]string{"code": "200"}, Value: 10}}}
	examples := func() (n int) {
		for _, q := range c.Prometheus.Asked {
			if strings.Contains(q, "topk(") {
				n++
				if !strings.Contains(q, c.Run().Name) {
					t.Errorf("examples of all pods are asked for: %s", q)
				}
			}
		}
		return n
	}
	c.Hold()
	c.Passes(4)
	if m := evaluatortest.Newest(t, c.Run(), "success"); m.Outcome != v1alpha1.OutcomePassed || examples() > 0 {
		t.Fatalf("measured %+v, and asked for examples %d times", m, examples())
	}
	c.Prometheus.Answer = analysis.Answer{Series: []analysis.Series{{Labels: `{status="503"}`, Metric: map[string]string{"status": "503"}, Value: 10}}}
	c.Passes(2)
	m := evaluatortest.Newest(t, c.Run(), "success")
	if m.Outcome != v1alpha1.OutcomeError || m.Reason != v1alpha1.MeasuredNoStatus || !strings.Contains(m.Message, "Their labels are status.") {
		t.Errorf("measured %+v", m)
	}
	if !strings.HasPrefix(m.Query, "sum by (code)") || examples() != 1 {
		t.Errorf("the measurement has query %q, and examples were asked for %d times", m.Query, examples())
	}
}
