package analysis

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestDeviationFromOne(t *testing.T) {
	by := func(amount string, d v1alpha1.Direction) v1alpha1.Metric {
		return v1alpha1.Metric{Deviation: &v1alpha1.Deviation{From: "One", By: amount, Direction: d}}
	}
	check(t, map[string]judged{
		"exactly one":             {metric: by("10%", ""), o: one(1), outcome: "Passed", reason: "InRange", value: "1", rule: "[0.9, 1.1] (1, at most 10% up or down)"},
		"the upper end":           {metric: by("10%", ""), o: one(1.1), outcome: "Passed", reason: "InRange", value: "1.1"},
		"the lower end":           {metric: by("10%", ""), o: one(0.9), outcome: "Passed", reason: "InRange", value: "0.9"},
		"above":                   {metric: by("10%", ""), o: one(1.11), outcome: "Failed", reason: "AboveMax", value: "1.11", says: "1.11 is above max 1.1"},
		"below":                   {metric: by("0.1", ""), o: one(0.89), outcome: "Failed", reason: "BelowMin", value: "0.89"},
		"up only bears less":      {metric: by("10%", "Up"), o: one(-5), outcome: "Passed", reason: "InRange", value: "-5", rule: "[-inf, 1.1] (1, at most 10% up)"},
		"down only bears more":    {metric: by("10%", "Down"), o: one(5), outcome: "Passed", reason: "InRange", value: "5"},
		"NaN lies nowhere":        {metric: by("10%", ""), o: one(math.NaN()), outcome: "Failed", reason: "NaN", value: "NaN"},
		"infinity lies nowhere":   {metric: by("10%", "Down"), o: one(math.Inf(1)), outcome: "Failed", reason: "Infinite", value: "+Inf"},
		"by nothing means itself": {metric: by("0", ""), o: one(1.0000001), outcome: "Failed", reason: "AboveMax", value: "1.0000001"},
	})
}

func TestDeviationFromWhatWasMeasured(t *testing.T) {
	by := func(from v1alpha1.DeviationFrom, amount string, d v1alpha1.Direction) v1alpha1.Metric {
		return defaulted(v1alpha1.Metric{Deviation: &v1alpha1.Deviation{From: from, By: amount, Direction: d}})
	}
	for name, tc := range map[string]struct {
		metric v1alpha1.Metric
		values []float64
		want   string // a letter for each: Passed, Failed, NoData
	}{
		"the first is compared with nothing":            {by("First", "10", ""), []float64{100}, "N"},
		"absolute units, ends included":                 {by("First", "10", ""), []float64{100, 110, 90, 110.5, 89}, "NPPFF"},
		"a share of the first":                          {by("First", "5%", ""), []float64{200, 210, 190, 211, 189}, "NPPFF"},
		"upward only":                                   {by("First", "10", "Up"), []float64{100, 0, 111}, "NPF"},
		"downward only":                                 {by("First", "10", "Down"), []float64{100, 500, 89}, "NPF"},
		"drift adds up from the first":                  {by("First", "10", ""), []float64{100, 108, 116}, "NPF"},
		"drift is borne from the value before":          {by("Previous", "10", ""), []float64{100, 108, 116, 124}, "NPPP"},
		"a jump fails":                                  {by("Previous", "10", ""), []float64{100, 120}, "NF"},
		"a jump does not become good by staying":        {by("Previous", "10", ""), []float64{100, 120, 120, 120}, "NFFF"},
		"back again is good":                            {by("Previous", "10", ""), []float64{100, 120, 105, 110}, "NFPP"},
		"a share of a negative value has two sides too": {by("First", "10%", ""), []float64{-100, -110, -111, -90, -89}, "NPFPF"},
		"a share of zero is nothing":                    {by("First", "10%", ""), []float64{0, 0, 0.1}, "NPF"},
		"NaN is bad at once and no reference":           {by("First", "10", ""), []float64{math.NaN(), 100, 300, 100}, "FNFP"},
		"NaN later is bad and changes nothing":          {by("Previous", "10", ""), []float64{100, math.NaN(), 105}, "NFP"},
		"infinity is no reference":                      {by("Previous", "10", ""), []float64{math.Inf(1), math.Inf(1)}, "FF"},
	} {
		t.Run(name, func(t *testing.T) {
			var s v1alpha1.MetricStatus
			var got strings.Builder
			for _, v := range tc.values {
				s = Take(tc.metric, *s.DeepCopy(), noon, one(v))
				got.WriteByte(string(s.Last[len(s.Last)-1].Outcome)[0])
			}
			if got.String() != tc.want {
				t.Errorf("got %s, want %s; newest: %+v", &got, tc.want, s.Last[len(s.Last)-1])
			}
		})
	}
}

func TestDeviationIsOfEachSeriesByItself(t *testing.T) {
	metric := defaulted(v1alpha1.Metric{Deviation: &v1alpha1.Deviation{From: "First", By: "10"}})
	of := func(s ...Series) Observation { return Observation{Answer: Answer{Series: s}} }
	s := Take(metric, v1alpha1.MetricStatus{}, noon, of(series(100, "pod", "a"), series(5, "pod", "b")))
	for _, tc := range []struct {
		o    Observation
		want v1alpha1.Outcome
		says string
	}{
		{of(series(104, "pod", "a"), series(9, "pod", "b")), "Passed", "0 of 2 series"},
		{of(series(104, "pod", "a"), series(50, "pod", "b")), "Failed", `the worst, {pod="b"}: 50 is above max 15`},
		{of(series(104, "pod", "a")), "Passed", ""},
		{of(series(104, "pod", "a"), series(50, "pod", "b")), "Failed", "is above max 15"}, // not there for a while, and not forgotten
		{of(series(104, "pod", "a"), series(7777, "pod", "c")), "Passed", ""},
		{of(series(104, "pod", "a"), series(1, "pod", "c")), "Failed", "1 is below min 7767"},
		{Observation{Answer: Answer{Error: "down"}}, "Error", "down"},
		{of(), "NoData", "no series"},
	} {
		s = Take(metric, s, noon, tc.o)
		m, _ := Newest(s)
		if m.Outcome != tc.want || !strings.Contains(m.Message, tc.says) {
			t.Errorf("%+v: got %+v", tc.o.Series, m)
		}
	}
	var many []Series
	for i := range maxReferences + 1 {
		many = append(many, series(1, "pod", fmt.Sprint(i)))
	}
	before := len(s.First)
	s = Take(metric, s, noon, of(many...))
	if m, _ := Newest(s); m.Reason != v1alpha1.MeasuredTooManySeries || m.Outcome != "Error" || len(s.First) != before {
		t.Errorf("too many series: %+v, %d references", m, len(s.First))
	}
	for i := range 5 {
		s = Take(metric, s, noon, of(many[i*4:i*4+4]...))
	}
	if len(s.First) > maxReferences {
		t.Errorf("%d references are kept", len(s.First))
	}
}

func TestSeriesWithLongLabelsAreToldApartInFewBytes(t *testing.T) {
	metric := defaulted(v1alpha1.Metric{Deviation: &v1alpha1.Deviation{From: "First", By: "10"}})
	long := strings.Repeat("x", 5000)
	a, b := series(1, "path", long+"a"), series(100, "path", long+"b")
	s := Take(metric, v1alpha1.MetricStatus{}, noon, Observation{Answer: Answer{Series: []Series{a, b}}})
	s = Take(metric, s, noon, Observation{Answer: Answer{Series: []Series{b, a}}})
	if m, _ := Newest(s); m.Outcome != v1alpha1.OutcomePassed || len(s.First) != 2 || len(s.First[0].Labels) > 300 {
		t.Errorf("got %+v with references %+v", m, s.First)
	}
}
