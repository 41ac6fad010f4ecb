package view

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// measured is a run that has been Ready for some time, with a metric whose newest round was at noon.
func measured(readyFor, interval time.Duration, rule v1alpha1.Metric, query string) *v1alpha1.CanaryRun {
	ready := metav1.NewTime(noon.Add(-readyFor))
	run := &v1alpha1.CanaryRun{Spec: v1alpha1.CanaryRunSpec{Plan: &v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{
		Interval: &metav1.Duration{Duration: interval}, Metrics: []v1alpha1.Metric{rule},
	}}}}
	run.Status.ReadyAt = &ready
	run.Status.Metrics = []v1alpha1.MetricStatus{
		{Name: analysis.Pods, Last: []v1alpha1.Measurement{{Time: metav1.NewTime(noon)}}},
		{Name: rule.Name, Last: []v1alpha1.Measurement{{Time: metav1.NewTime(noon), Query: query}}},
	}
	return run
}

func TestWhatIsAskedOfTheTimeBefore(t *testing.T) {
	minutes := func(n int) *v1alpha1.Over {
		return &v1alpha1.Over{Duration: metav1.Duration{Duration: time.Duration(n) * time.Minute}}
	}
	for sentence, tc := range map[string]struct {
		run        *v1alpha1.CanaryRun
		from, step time.Duration // how long before noon; no question where step is 0
		told       string
	}{
		"each round since Ready":          {run: measured(20*time.Minute, 10*time.Second, v1alpha1.Metric{Name: "m"}, "up"), from: 20 * time.Minute, step: 10 * time.Second},
		"the rest of an interval is left": {run: measured(65*time.Second, 10*time.Second, v1alpha1.Metric{Name: "m"}, "up"), from: time.Minute, step: 10 * time.Second},
		"no more values than a tab keeps": {run: measured(2*time.Hour, 10*time.Second, v1alpha1.Metric{Name: "m"}, "up"), from: 2 * time.Hour, step: 20 * time.Second},
		"a day at most":                   {run: measured(72*time.Hour, time.Minute, v1alpha1.Metric{Name: "m"}, "up"), from: 24 * time.Hour, step: 3 * time.Minute},
		"a range, by its own steps":       {run: measured(20*time.Minute, time.Minute, v1alpha1.Metric{Name: "m", Over: minutes(5)}, "up"), from: 20 * time.Minute, step: 15 * time.Second},
		"a range of so many samples":      {run: measured(23*time.Hour, time.Minute, v1alpha1.Metric{Name: "m", Over: minutes(5)}, "up"), from: mostSamples*15*time.Second - 5*time.Minute, step: 15 * time.Second},
		"an interval beyond all measure":  {run: measured(20*time.Minute, 1<<61, v1alpha1.Metric{Name: "m"}, "up"), from: 0, step: 24 * time.Hour},
		"a comparison":                    {run: measured(time.Hour, time.Minute, v1alpha1.Metric{Name: "m", Compare: &v1alpha1.Comparison{}}, "up"), told: "worked out of all that both sides counted"},
		"what has no values":              {run: measured(time.Hour, time.Minute, v1alpha1.Metric{Name: "m", Alerts: &v1alpha1.AlertWatch{}}, "up"), told: "it has no values"},
		"probes":                          {run: measured(time.Hour, time.Minute, v1alpha1.Metric{Name: "m", Source: v1alpha1.SourceProbe, Query: "x"}, "up"), told: "no endpoint has them"},
		"a query that is cut":             {run: measured(time.Hour, time.Minute, v1alpha1.Metric{Name: "m"}, "up{pod=~\"a|…"), told: "too long"},
		"a round that asked nothing":      {run: measured(time.Hour, time.Minute, v1alpha1.Metric{Name: "m"}, "")},
	} {
		asks, never := Questions(tc.run)
		switch {
		case tc.told != "":
			if len(asks) != 0 || len(never) != 1 || !strings.Contains(never[0].Says, tc.told) {
				t.Errorf("%s: asks %v, says %v", sentence, asks, never)
			}
		case tc.step == 0:
			if len(asks)+len(never) != 0 {
				t.Errorf("%s: asks %v, says %v", sentence, asks, never)
			}
		case len(asks) != 1 || len(never) != 0:
			t.Errorf("%s: asks %v, says %v", sentence, asks, never)
		default:
			q := asks[0]
			if q.Query != "up" || !q.To.Equal(noon) || noon.Sub(q.From) != tc.from || q.Step != tc.step {
				t.Errorf("%s: asks from %s before by steps of %s, want %s and %s", sentence, noon.Sub(q.From), q.Step, tc.from, tc.step)
			}
			if n := noon.Sub(q.From) / q.every; n > MostEarlier {
				t.Errorf("%s: %d values", sentence, n)
			}
		}
	}
	run := measured(time.Hour, time.Minute, v1alpha1.Metric{Name: "m"}, "up")
	run.Status.ReadyAt = nil
	if asks, never := Questions(run); len(asks)+len(never) > 0 {
		t.Error("a canary that was never Ready is asked about")
	}
}

// series has a value at each of so many steps of ten seconds that end at noon, oldest first.
func series(pod string, values ...float64) analysis.Series {
	s := analysis.Series{Labels: `{pod="` + pod + `"}`, Metric: map[string]string{"pod": pod}}
	for i, v := range values {
		if !math.IsNaN(v) {
			s.Samples = append(s.Samples, analysis.Sample{Time: noon.Add(time.Duration(i-len(values)+1) * 10 * time.Second), Value: v})
		}
	}
	return s
}

func TestEarlierValuesAreThoseOfTheRounds(t *testing.T) {
	gap := math.NaN()
	most := v1alpha1.Range{Max: new(5.0)}
	for sentence, tc := range map[string]struct {
		rule   v1alpha1.Metric
		answer analysis.Answer
		want   string // times before noon and values
		says   string
	}{
		"one series":            {v1alpha1.Metric{Range: most}, analysis.Answer{Series: []analysis.Series{series("a", 1, 2, 3)}}, "20s=1 10s=2 0s=3", "from 1 to 3, between 1 and 3, in 3 values"},
		"the worst of several":  {v1alpha1.Metric{Range: most}, analysis.Answer{Series: []analysis.Series{series("a", 1, 9, 3), series("b", 2, 2, 2)}}, "20s=2 10s=9 0s=3", "between 2 and 9"},
		"a gap":                 {v1alpha1.Metric{Range: most}, analysis.Answer{Series: []analysis.Series{series("a", 1, gap, 1)}}, "20s=1 0s=1", "it was 1 all the time, in 2 values"},
		"each pod that was":     {v1alpha1.Metric{Range: most, Per: v1alpha1.PerPod}, analysis.Answer{Series: []analysis.Series{series("a", 1, 2, 3), series("b", 4)}}, "20s=1 10s=2 0s=4", "between 1 and 4"},
		"nothing":               {v1alpha1.Metric{Range: most}, analysis.Answer{}, "", "has no earlier values"},
		"no answer":             {v1alpha1.Metric{Range: most}, analysis.Answer{Error: "it is down"}, "", "Earlier values are not known: it is down."},
		"an answer of no value": {v1alpha1.Metric{Range: most}, analysis.Answer{WrongType: "string"}, "", "not known"},
		"a range": {
			v1alpha1.Metric{Range: most, Samples: v1alpha1.SamplesLast, Over: &v1alpha1.Over{Duration: metav1.Duration{Duration: 20 * time.Second}, Step: &metav1.Duration{Duration: 10 * time.Second}}},
			analysis.Answer{Series: []analysis.Series{series("a", 1, 2, 3)}}, "20s=1 10s=2 0s=3", "from 1 to 3",
		},
	} {
		tc.rule.Name = "m"
		asks, _ := Questions(measured(20*time.Second, 10*time.Second, tc.rule, "up"))
		if len(asks) != 1 {
			t.Fatalf("%s: %v", sentence, asks)
		}
		got := asks[0].Read(tc.answer, "pod")
		var shown []string
		for _, r := range got.Rounds {
			if r.Outcome != OutcomeEarlier || r.High == nil || *r.High != 5 {
				t.Errorf("%s: %+v", sentence, r)
			}
			shown = append(shown, fmt.Sprintf("%s=%g", noon.Sub(time.UnixMilli(r.At)), *r.Value))
		}
		if is := strings.Join(shown, " "); is != tc.want || !strings.Contains(got.Says, tc.says) {
			t.Errorf("%s: %s, %q; want %s, %q in it", sentence, is, got.Says, tc.want, tc.says)
		}
	}
}
