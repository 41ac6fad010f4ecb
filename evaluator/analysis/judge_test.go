package analysis

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func between(low, high float64) v1alpha1.Range {
	var r v1alpha1.Range
	if !math.IsInf(low, 0) {
		r.Min = &low
	}
	if !math.IsInf(high, 0) {
		r.Max = &high
	}
	return r
}

func one(v float64) Observation { return Observation{Answer: Answer{Series: []Series{{Value: v}}}} }

func TestJudge(t *testing.T) {
	inf := math.Inf(1)
	limits := between(0, 0.05)
	for name, tc := range map[string]struct {
		r                              v1alpha1.Range
		o                              Observation
		outcome                        v1alpha1.Outcome
		reason, value, rangeText, says string
	}{
		"in range":         {limits, one(0.01), "Passed", "InRange", "0.01", "[0, 0.05]", "0.01 is in [0, 0.05]"},
		"the lower end":    {limits, one(0), "Passed", "InRange", "0", "[0, 0.05]", ""},
		"the upper end":    {limits, one(0.05), "Passed", "InRange", "0.05", "[0, 0.05]", ""},
		"just above":       {limits, one(math.Nextafter(0.05, 1)), "Failed", "AboveMax", "0.05000000000000001", "[0, 0.05]", "is above max 0.05"},
		"below":            {limits, one(-1), "Failed", "BelowMin", "-1", "[0, 0.05]", "-1 is below min 0"},
		"no greatest":      {between(0, inf), one(1e300), "Passed", "InRange", "1e+300", "[0, inf]", ""},
		"no smallest":      {between(-inf, 1), one(-1e300), "Passed", "InRange", "-1e+300", "[-inf, 1]", ""},
		"NaN":              {limits, one(math.NaN()), "Failed", "NaN", "NaN", "[0, 0.05]", "lies in no range (a ratio is NaN where there are no requests)"},
		"+Inf, max open":   {between(0, inf), one(inf), "Failed", "Infinite", "+Inf", "[0, inf]", "lies in no range"},
		"-Inf, min open":   {between(-inf, 0), one(-inf), "Failed", "Infinite", "-Inf", "[-inf, 0]", ""},
		"no series":        {limits, Observation{}, "NoData", "NoData", "", "[0, 0.05]", "found no series"},
		"error":            {limits, Observation{Answer: Answer{Error: "bad_data:\n unknown\tfunction"}}, "Error", "Error", "", "[0, 0.05]", "bad_data: unknown function"},
		"error and series": {limits, Observation{Answer: Answer{Error: "x", Series: one(0).Series}}, "Error", "Error", "", "[0, 0.05]", "x"},
		"wrong type":       {limits, Observation{Answer: Answer{WrongType: "matrix"}}, "Error", "WrongType", "", "[0, 0.05]", "gave a matrix"},
		"long error":       {limits, Observation{Answer: Answer{Error: strings.Repeat("é", 4000)}}, "Error", "Error", "", "[0, 0.05]", "…"},
		"a warning makes an answer worthless": {
			limits, Observation{Answer: Answer{Series: one(0).Series, Warnings: []string{"a", "b"}}}, "Error", "PartialData", "", "[0, 0.05]",
			"Prometheus warns of its answer, so it is not judged: a; b",
		},
		"a warning is no failure either": {
			limits, Observation{Answer: Answer{Series: one(1).Series, Warnings: []string{"a"}}}, "Error", "PartialData", "", "[0, 0.05]", "",
		},
		"a warning without series is not missing data": {
			limits, Observation{Answer: Answer{Warnings: []string{"a"}}}, "Error", "PartialData", "", "[0, 0.05]", "",
		},
		"an info is told": {
			limits, Observation{Answer: Answer{Series: one(0).Series, Infos: []string{"a", "b"}}}, "Passed", "InRange", "0", "[0, 0.05]", "(Prometheus remarks: a; b)",
		},
		"in range, and a quantile beyond its buckets": {
			limits, Observation{Answer: Answer{Series: one(0.05).Series}, BeyondBuckets: true}, "NoData", "BeyondBuckets", "0.05", "[0, 0.05]", "0.05 is the end of the last finite bucket",
		},
		"out of range, and beyond its buckets": {
			limits, Observation{Answer: Answer{Series: one(0.1).Series}, BeyondBuckets: true}, "Failed", "AboveMax", "0.1", "[0, 0.05]", "is above max 0.05",
		},
		"several, the worst decides": {
			limits, Observation{Answer: Answer{Series: []Series{{Labels: `{pod="a"}`, Value: 0.01}, {Labels: `{pod="b"}`, Value: 0.2}, {Labels: `{pod="c"}`, Value: 0.06}}}},
			"Failed", "AboveMax", "0.2", "[0, 0.05]", `2 of 3 series out of range; the worst, {pod="b"}: 0.2 is above max 0.05`,
		},
		"several in range, the one nearest to its end": {
			limits, Observation{Answer: Answer{Series: []Series{{Labels: `{pod="a"}`, Value: 0.01}, {Labels: `{pod="b"}`, Value: 0.02}}}},
			"Passed", "InRange", "0.01", "[0, 0.05]", `0 of 2 series out of range; the worst, {pod="a"}`,
		},
		"several, NaN is worse than any number": {
			limits, Observation{Answer: Answer{Series: []Series{{Labels: `{pod="a"}`, Value: 1e9}, {Labels: `{pod="b"}`, Value: math.NaN()}}}},
			"Failed", "NaN", "NaN", "[0, 0.05]", "2 of 2 series",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Judge(v1alpha1.Metric{Name: "m", Range: tc.r}, v1alpha1.MetricStatus{}, noon.Add(1500*time.Millisecond), tc.o)
			if got.Outcome != tc.outcome || got.Reason != tc.reason || got.Value != tc.value || got.Range != tc.rangeText {
				t.Errorf("got %+v", got)
			}
			if !strings.Contains(got.Message, tc.says) || len(got.Message) > maxMessage+3 || strings.ContainsAny(got.Message, "\n\t") {
				t.Errorf("message %q, want %q in it", got.Message, tc.says)
			}
			if got.Time.Nanosecond() != 0 {
				t.Errorf("time %s is not in whole seconds", got.Time)
			}
		})
	}
}

func TestJudgeDoesNotDependOnOrder(t *testing.T) {
	series := []Series{{Labels: `{pod="a"}`, Value: 0.2}, {Labels: `{pod="b"}`, Value: 0.2}, {Labels: `{pod="c"}`, Value: math.NaN()}, {Labels: `{pod="d"}`, Value: math.Inf(-1)}}
	backwards := []Series{series[3], series[2], series[1], series[0]}
	metric := v1alpha1.Metric{Range: between(0, 0.1)}
	if diff := cmp.Diff(Judge(metric, v1alpha1.MetricStatus{}, noon, Observation{Answer: Answer{Series: series}}), Judge(metric, v1alpha1.MetricStatus{}, noon, Observation{Answer: Answer{Series: backwards}})); diff != "" {
		t.Error(diff)
	}
}

func TestJudgePods(t *testing.T) {
	if m := JudgePods(noon, 2, 2, "?"); m.Outcome != v1alpha1.OutcomePassed || m.Reason != v1alpha1.MeasuredAllHealthy {
		t.Errorf("got %+v", m)
	}
	m := JudgePods(noon, 1, 2, "pod x is\nnot Ready")
	if m.Outcome != v1alpha1.OutcomeFailed || m.Reason != v1alpha1.MeasuredNotReady || m.Message != "1 of 2 canary pods are Ready; pod x is not Ready" {
		t.Errorf("got %+v", m)
	}
}

// FuzzJudge: whatever a value is, it passes only in its range, and errors, wrong
// types and missing data are never a failure.
func FuzzJudge(f *testing.F) {
	f.Add(0.0, 0.0, 1.0, "", "", "{}")
	f.Add(math.NaN(), 0.0, 1.0, "e", "", "\xff")
	f.Fuzz(func(t *testing.T, v, low, high float64, failure, wrong, labels string) {
		m := Judge(v1alpha1.Metric{Range: v1alpha1.Range{Min: &low, Max: &high}}, v1alpha1.MetricStatus{}, noon,
			Observation{Answer: Answer{Series: []Series{{Labels: labels, Value: v}, {Labels: "{}", Value: v}}, Error: failure, WrongType: wrong}})
		passed := m.Outcome == v1alpha1.OutcomePassed
		if want := failure == "" && wrong == "" && v >= low && v <= high && !math.IsInf(v, 0); passed != want {
			t.Fatalf("%+v", m)
		}
		if (failure != "" || wrong != "") && m.Outcome != v1alpha1.OutcomeError {
			t.Fatalf("%+v", m)
		}
	})
}

// The zero Observation is a whole answer without series: it passes only what must
// not be there.
func TestAnAnswerWithoutSeriesPassesOnlyWhatMustNotBeThere(t *testing.T) {
	most := 1.0
	sick := metav1.LabelSelector{MatchLabels: map[string]string{"sick": "true"}}
	for name, tc := range map[string]struct {
		metric v1alpha1.Metric
		want   v1alpha1.Outcome
	}{
		"a range":                 {v1alpha1.Metric{Query: "up", Range: v1alpha1.Range{Max: &most}}, v1alpha1.OutcomeNoData},
		"a deviation":             {v1alpha1.Metric{Query: "up", Deviation: &v1alpha1.Deviation{From: v1alpha1.FromOne, By: "10%"}}, v1alpha1.OutcomeNoData},
		"a list":                  {v1alpha1.Metric{Query: "up", List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}}}, v1alpha1.OutcomeNoData},
		"an expectation":          {v1alpha1.Metric{Expect: "success >= 99%"}, v1alpha1.OutcomeNoData},
		"a comparison":            {v1alpha1.Metric{Query: "up", Compare: &v1alpha1.Comparison{}}, v1alpha1.OutcomeError},
		"a label of pods":         {v1alpha1.Metric{Labels: &v1alpha1.LabelWatch{Selector: sick}}, v1alpha1.OutcomeNoData},
		"a label of a Deployment": {v1alpha1.Metric{Labels: &v1alpha1.LabelWatch{Of: v1alpha1.LabelsOfDeployment, Selector: sick}}, v1alpha1.OutcomePassed},
		"alerts":                  {v1alpha1.Metric{Alerts: &v1alpha1.AlertWatch{}}, v1alpha1.OutcomePassed},
	} {
		t.Run(name, func(t *testing.T) {
			if m := Judge(tc.metric, v1alpha1.MetricStatus{}, time.Time{}, Observation{}); m.Outcome != tc.want {
				t.Errorf("%s: %s, want %s", m.Outcome, m.Message, tc.want)
			}
		})
	}
}
