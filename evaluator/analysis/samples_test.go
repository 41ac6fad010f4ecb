package analysis

import (
	"math"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestSamplesAreAsOldAsTheTimeThatWasAskedFor(t *testing.T) {
	metric := defaulted(v1alpha1.Metric{Range: between(0, 1), Over: fiveMinutes()})
	o := Observation{Answer: Answer{Series: []Series{over(series(0), 0, 0)}, At: noon}}
	if m := Judge(metric, v1alpha1.MetricStatus{}, noon.Add(time.Minute), o); m.Outcome != v1alpha1.OutcomePassed || !m.Time.Time.Equal(noon) {
		t.Errorf("got %+v", m)
	}
}

func TestSamplesOfARangeQuery(t *testing.T) {
	r := between(0, 1)
	all := v1alpha1.Metric{Range: r, Over: fiveMinutes()}
	last := v1alpha1.Metric{Range: r, Over: fiveMinutes(), Samples: "Last"}
	most := v1alpha1.Metric{Range: r, Over: fiveMinutes(), Samples: "75%"}
	of := func(s ...Series) Observation { return Observation{Answer: Answer{Series: s}} }
	a, b := series(0, "pod", "a"), series(0, "pod", "b")
	check(t, map[string]judged{
		"every sample good":        {metric: all, o: of(over(a, 0, 1, 0.5)), outcome: "Passed", reason: "InRange", value: "1", rule: "[0, 1], all samples of 5m", says: "3 of 3 samples good"},
		"one sample bad fails":     {metric: all, o: of(over(a, 0, 2, 0)), outcome: "Failed", reason: "AboveMax", value: "2", says: "2 of 3 samples good; the worst: 2 is above max 1"},
		"one sample NaN fails":     {metric: all, o: of(over(a, 0, math.NaN(), 0)), outcome: "Failed", reason: "NaN", value: "NaN"},
		"one series bad fails":     {metric: all, o: of(over(a, 0, 0), over(b, 0, 2)), outcome: "Failed", reason: "AboveMax", value: "2", says: `1 of 2 series out of range; the worst, {pod="b"}`},
		"the last alone counts":    {metric: last, o: of(over(a, 9, 9, 1)), outcome: "Passed", reason: "InRange", value: "1", rule: "[0, 1], the last sample of 5m"},
		"the last bad fails":       {metric: last, o: of(over(a, 0, 0, 9)), outcome: "Failed", reason: "AboveMax", value: "9"},
		"just enough good":         {metric: most, o: of(over(a, 0, 0, 9, 0)), outcome: "Passed", reason: "InRange", value: "9", rule: "[0, 1], 75% of the samples of 5m", says: "75% must be: 3 of 4 samples good"},
		"too few good":             {metric: most, o: of(over(a, 0, 9, 9, 0)), outcome: "Failed", reason: "FewGoodSamples", value: "9", says: "75% must be: 2 of 4 samples good; the worst: 9 is above max 1"},
		"a share of each series":   {metric: most, o: of(over(a, 0, 0, 0, 0), over(b, 9, 9, 0, 0)), outcome: "Failed", reason: "FewGoodSamples", value: "9"},
		"all ended is no data":     {metric: all, o: of(endedBefore(a, 2, 0, 0)), outcome: "NoData", reason: "NoData", value: "", says: "still there"},
		"ended bad still fails":    {metric: all, o: of(endedBefore(a, 2, 9), over(b, 0)), outcome: "Failed", reason: "AboveMax", value: "9"},
		"an ended one has no last": {metric: last, o: of(endedBefore(a, 2, 9), over(b, 0)), outcome: "Passed", reason: "InRange", value: "0"},
		"one sample after Ready":   {metric: all, o: of(over(a, 0.5)), outcome: "Passed", reason: "InRange", value: "0.5", says: "0.5 is in [0, 1]"},
		"no series":                {metric: all, o: of(), outcome: "NoData", reason: "NoData", rule: "[0, 1], all samples of 5m"},
	})
}
