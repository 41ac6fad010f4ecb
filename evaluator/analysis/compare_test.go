package analysis

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// counting is a metric that compares counts, its defaults set.
func counting(edit ...func(*v1alpha1.Comparison)) v1alpha1.Metric {
	c := &v1alpha1.Comparison{Count: &v1alpha1.Counted{Bad: "bad{ {{pods}} }", Total: "all{ {{pods}} }"}}
	for _, e := range edit {
		e(c)
	}
	metrics := []v1alpha1.Metric{{Name: "m", Compare: c}}
	(&v1alpha1.Analysis{Interval: &metav1.Duration{Duration: 30 * time.Second}}).SetMetricDefaults(metrics)
	return metrics[0]
}

// counter is a series that is scraped every 15 s from a time on.
func counter(from time.Time, values ...float64) Series {
	s := Series{Labels: "{}"}
	for i, v := range values {
		s.Samples = append(s.Samples, Sample{Time: from.Add(time.Duration(i) * 15 * time.Second), Value: v})
	}
	return s
}

// steady is a side that has had so many requests, so many of them bad, at each
// scrape since noon.
func steady(offset time.Duration, bad, total float64, scrapes int) SideSamples {
	var b, a []float64
	for i := range scrapes {
		b, a = append(b, bad*float64(i)), append(a, total*float64(i))
	}
	start := noon.Add(offset)
	return SideSamples{Bad: []Series{counter(start, b...)}, Total: []Series{counter(start, a...)}}
}

// rounds takes a measurement every 30 s from noon on, by what has been scraped.
func rounds(metric v1alpha1.Metric, n int, canary, other SideSamples) v1alpha1.MetricStatus {
	var s v1alpha1.MetricStatus
	for i := range n {
		at := noon.Add(time.Duration(i) * 30 * time.Second)
		s = Take(metric, s, at, Observation{Comparison: &ComparisonSamples{Canary: canary.until(at), Other: other.until(at), Since: noon, Scrape: 15 * time.Second}})
	}
	return s
}

// until leaves out what had not been scraped at a time.
func (s SideSamples) until(at time.Time) SideSamples {
	cut := func(series []Series) []Series {
		var out []Series
		for _, one := range series {
			kept := Series{Labels: one.Labels}
			for _, sample := range one.Samples {
				if !sample.Time.After(at) {
					kept.Samples = append(kept.Samples, sample)
				}
			}
			if len(kept.Samples) > 0 {
				out = append(out, kept)
			}
		}
		return out
	}
	return SideSamples{Bad: cut(s.Bad), Good: cut(s.Good), Total: cut(s.Total), Values: cut(s.Values)}
}

func TestCounts(t *testing.T) {
	required := func(c *v1alpha1.Comparison) { c.Require = v1alpha1.RequireNotWorse }
	for name, tc := range map[string]struct {
		metric        v1alpha1.Metric
		canary, other SideSamples
		rounds        int
		outcome       v1alpha1.Outcome
		reason, says  string
	}{
		"five times as many failures": {counting(), steady(0, 25, 500, 20), steady(7*time.Second, 5, 500, 20), 6, v1alpha1.OutcomeFailed, v1alpha1.MeasuredWorse, "times as often (at least "},
		"just as many":                {counting(), steady(0, 10, 500, 40), steady(7*time.Second, 10, 500, 40), 20, v1alpha1.OutcomePassed, v1alpha1.MeasuredNotWorse, "at most"},
		"an incident on both sides":   {counting(), steady(0, 250, 500, 20), steady(7*time.Second, 250, 500, 20), 10, v1alpha1.OutcomePassed, v1alpha1.MeasuredNotWorse, "just as often"},
		"few failures":                {counting(), steady(0, 0, 100, 20), steady(0, 0, 100, 20), 10, v1alpha1.OutcomePassed, v1alpha1.MeasuredUndecided, "the canary failed 0 of"},
		"few failures, and more is required": {counting(required), steady(0, 0, 100, 20), steady(0, 0, 100, 20), 10,
			v1alpha1.OutcomeNoData, v1alpha1.MeasuredGathering, "that tells neither way yet"},
		"few requests":    {counting(), steady(0, 0, 5, 20), steady(0, 0, 5, 20), 10, v1alpha1.OutcomeNoData, v1alpha1.MeasuredGathering, "before a pass 500 requests"},
		"no requests":     {counting(), steady(0, 0, 0, 20), steady(0, 0, 0, 20), 10, v1alpha1.OutcomeNoData, v1alpha1.MeasuredGathering, "there were no requests to compare"},
		"no series":       {counting(), SideSamples{}, steady(0, 0, 5, 20), 2, v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData, "has no series of the canary"},
		"no baseline":     {counting(), steady(0, 0, 5, 20), SideSamples{}, 2, v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData, "has no series of the baseline"},
		"scrapes stopped": {counting(), steady(0, 10, 500, 20), steady(0, 10, 500, 16), 10, v1alpha1.OutcomePassed, v1alpha1.MeasuredNotWorse, ""},
		"scrapes stopped long ago": {counting(), steady(0, 10, 500, 30), steady(0, 10, 500, 16), 12,
			v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData, "of the baseline has had no samples since 20"},
		"no counter":             {counting(), steady(0, 0.3, 10, 20), steady(0, 0, 5, 20), 2, v1alpha1.OutcomeError, v1alpha1.MeasuredNoCount, "this interval is passed over: canary: 0.6 of 20 is no count"},
		"more bad than there is": {counting(), steady(0, 20, 10, 20), steady(0, 0, 5, 20), 2, v1alpha1.OutcomeError, v1alpha1.MeasuredNoCount, "more than all"},
	} {
		t.Run(name, func(t *testing.T) {
			s := rounds(tc.metric, tc.rounds, tc.canary, tc.other)
			m, _ := Newest(s)
			if m.Outcome != tc.outcome || m.Reason != tc.reason || !strings.Contains(m.Message, tc.says) {
				t.Errorf("got %s %s: %s", m.Outcome, m.Reason, m.Message)
			}
			if m.Range != "at most 20% worse than the baseline" {
				t.Errorf("range %q", m.Range)
			}
		})
	}
}

// Good ones are the rest of all: 60 of 1000 slower than the bucket.
func TestGoodOnesAreTheRest(t *testing.T) {
	metric := counting(func(c *v1alpha1.Comparison) { c.Count.Bad, c.Count.Good = "", "good{ {{pods}} }" })
	side := func(slow float64) SideSamples {
		s := steady(0, 500-slow, 500, 20)
		return SideSamples{Good: s.Bad, Total: s.Total}
	}
	m, _ := Newest(rounds(metric, 6, side(30), side(5)))
	if m.Outcome != v1alpha1.OutcomeFailed || !strings.Contains(m.Message, "the canary was not good in ") {
		t.Errorf("got %+v", m)
	}
}

// The same scrapes come to the same numbers in whatever rounds they are counted,
// with the status stored in between; and no round twice.
func TestEachIncrementIsCountedOnce(t *testing.T) {
	metric := counting()
	canary, other := steady(0, 3, 400, 41), steady(7*time.Second, 4, 300, 41)
	var s v1alpha1.MetricStatus
	for _, at := range []int{0, 10, 20, 20, 50, 40, 200, 200, 600} {
		now := noon.Add(time.Duration(at) * time.Second)
		s = Take(metric, s, now, Observation{Comparison: &ComparisonSamples{Canary: canary.until(now), Other: other.until(now), Since: noon, Scrape: 15 * time.Second}})
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var stored v1alpha1.MetricStatus
		if err := json.Unmarshal(text, &stored); err != nil {
			t.Fatal(err)
		}
		if s.Compared != nil {
			if diff := cmp.Diff(s.Compared.Tally, stored.Compared.Tally); diff != "" || !s.Compared.Until.Equal(&stored.Compared.Until) {
				t.Fatalf("the status does not keep it: %s", diff)
			}
		}
		s = stored
	}
	// To 9:52, the newest scrape of the baseline; the canary's newest until then was at 9:45.
	want := v1alpha1.Counts{CanaryBad: 117, CanaryTotal: 15600, BaselineBad: 156, BaselineTotal: 11700}
	if got := s.Compared.Tally.Sum; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if got := s.Compared.Until.Sub(noon); got != 9*time.Minute+52*time.Second {
		t.Errorf("counted until %s", got)
	}
}

func TestWhatIsLateCountsAgainstTheLimit(t *testing.T) {
	metric, side := counting(), steady(0, 0, 5, 20)
	for late, want := range map[bool]int32{false: 0, true: 1} {
		s := Take(metric, v1alpha1.MetricStatus{}, noon, Observation{Late: late, Comparison: &ComparisonSamples{Canary: side.until(noon), Other: side.until(noon), Since: noon}})
		if s.ConsecutiveNoData != want || s.NoData != 1 {
			t.Errorf("late %t: %d in a row, want %d", late, s.ConsecutiveNoData, want)
		}
	}
}

func TestValuesOfBothSides(t *testing.T) {
	metric := v1alpha1.Metric{Name: "p90", Query: "x{ {{pods}} }", Compare: &v1alpha1.Comparison{Unit: " s", Slack: "0.005"}}
	metrics := []v1alpha1.Metric{metric}
	(&v1alpha1.Analysis{Interval: &metav1.Duration{Duration: 15 * time.Second}}).SetMetricDefaults(metrics)
	metrics[0].Window = &metav1.Duration{Duration: 15 * time.Second}
	side := func(value float64, n int) SideSamples {
		values := make([]float64, n)
		for i := range values {
			values[i] = value + float64(i%3)/1000
		}
		return SideSamples{Values: []Series{counter(noon, values...)}}
	}
	nothing := side(math.NaN(), 10)
	two := SideSamples{Values: append(side(0.1, 8).Values, side(0.1, 8).Values...)}
	for name, tc := range map[string]struct {
		canary, other SideSamples
		outcome       v1alpha1.Outcome
		reason, says  string
	}{
		"twice as slow":          {side(0.2, 8), side(0.1, 8), v1alpha1.OutcomeFailed, v1alpha1.MeasuredWorse, "the canary's median was 0.201 s, the baseline's 0.101 s"},
		"as fast":                {side(0.1, 8), side(0.1, 8), v1alpha1.OutcomePassed, v1alpha1.MeasuredNotWorse, "just as much"},
		"few windows":            {side(0.1, 3), side(0.1, 3), v1alpha1.OutcomeNoData, v1alpha1.MeasuredGathering, "6 windows are wanted"},
		"no traffic":             {nothing, side(0.1, 8), v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData, "there was no window in which both sides had a value"},
		"several series":         {two, side(0.1, 8), v1alpha1.OutcomeError, v1alpha1.MeasuredTooManySeries, "the query gave 2 series of the canary"},
		"no traffic for a while": {side(0.1, 2), side(0.1, 9), v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData, "no window has had a value of both sides"},
	} {
		t.Run(name, func(t *testing.T) {
			at := noon.Add(8 * 15 * time.Second)
			m := Judge(metrics[0], v1alpha1.MetricStatus{}, at, Observation{Comparison: &ComparisonSamples{Canary: tc.canary, Other: tc.other, Since: noon, Scrape: time.Second}})
			if m.Outcome != tc.outcome || m.Reason != tc.reason || !strings.Contains(m.Message, tc.says) {
				t.Errorf("got %s %s: %s", m.Outcome, m.Reason, m.Message)
			}
			if m.Range != "at most 20% worse than the baseline and 0.005 s" {
				t.Errorf("range %q", m.Range)
			}
		})
	}
}

func TestFalseAlarmsAreSplitOverAllSteps(t *testing.T) {
	spec := &v1alpha1.CanaryPlanSpec{
		Analysis: v1alpha1.Analysis{FalseAlarms: "2%", Metrics: []v1alpha1.Metric{counting(), {Name: "r", Query: "up"}}},
		Steps:    []v1alpha1.Step{{Metrics: []v1alpha1.Metric{counting()}}},
	}
	if got := FalseAlarms(spec); got != 0.01 {
		t.Errorf("each may spend %v", got)
	}
}

// Whatever comparison validation lets through can be judged: its limits are those
// of package evidence.
func TestTheEndsOfWhatIsValidCanBeJudged(t *testing.T) {
	side := steady(0, 1, 100, 4)
	for _, tc := range []struct {
		tolerance string
		catch     float64
	}{{"0%", 1.2}, {"0%", 16}, {"20%", 1.44}, {"20%", 19.2}, {"1000%", 13.2}, {"1000%", 176}} {
		metric := counting(func(c *v1alpha1.Comparison) { c.Tolerance, c.Catch = tc.tolerance, &tc.catch })
		for _, alpha := range []float64{1e-6 / 32, 0.5} {
			o := Observation{FalseAlarms: alpha, Comparison: &ComparisonSamples{Canary: side, Other: side, Since: noon, Scrape: time.Minute}}
			if m := Judge(metric, v1alpha1.MetricStatus{}, noon.Add(time.Minute), o); m.Outcome == v1alpha1.OutcomeError {
				t.Errorf("%+v, %v: %s", tc, alpha, m.Message)
			}
		}
	}
}

// A pass says what was not shown, and an early one what was.
func TestAPassTellsWhatWasCompared(t *testing.T) {
	a := testAnalysis("errors")
	at := NewSchedule(a, noon).End()
	status := func(reason string) []v1alpha1.MetricStatus {
		m := v1alpha1.Measurement{Outcome: v1alpha1.OutcomePassed, Reason: reason, Message: "1 of 100"}
		return []v1alpha1.MetricStatus{{Name: Pods, Last: []v1alpha1.Measurement{m}}, {Name: "errors", Last: []v1alpha1.Measurement{m}}}
	}
	end := Progress{Schedule: NewSchedule(a, noon), Now: at, Last: at, Rounds: 100}
	if got := Evaluate(a, status(v1alpha1.MeasuredUndecided)[1:], end); got.Verdict != "" {
		t.Errorf("without its pods: %+v", got)
	}
	if got := Evaluate(a, status(v1alpha1.MeasuredUndecided), end); got.Verdict != v1alpha1.VerdictPass || !strings.Contains(got.Message, "metric errors was not shown to be worse: 1 of 100") {
		t.Errorf("got %+v", got)
	}
	a.EndEarly = true
	early := Progress{Schedule: NewSchedule(a, noon), Now: noon.Add(4 * time.Second), Last: noon.Add(4 * time.Second)}
	want := Judgment{v1alpha1.VerdictPass, v1alpha1.ReasonNotWorse, "nothing is worse after 4s, so the period ends early; metric errors: 1 of 100"}
	if got := Evaluate(a, status(v1alpha1.MeasuredNotWorse), early); got != want {
		t.Errorf("got %+v", got)
	}
	if got := Evaluate(a, status(v1alpha1.MeasuredUndecided), early); got.Verdict != "" {
		t.Errorf("undecided: %+v", got)
	}
}

func TestEndsEarly(t *testing.T) {
	status := func(reasons ...string) (out []v1alpha1.MetricStatus) {
		for i, r := range reasons {
			out = append(out, v1alpha1.MetricStatus{Name: fmt.Sprint("m", i), Last: []v1alpha1.Measurement{{Reason: r}}})
		}
		return out
	}
	a := v1alpha1.Analysis{EndEarly: true, Metrics: []v1alpha1.Metric{{Name: "m0"}, {Name: "m1"}}}
	for _, tc := range []struct {
		statuses []v1alpha1.MetricStatus
		want     bool
	}{
		{status("NotWorse", "NotWorse"), true},
		{status("NotWorse", "Undecided"), false},
		{status("NotWorse"), false},
		{nil, false},
	} {
		if got := EndsEarly(a, tc.statuses); got != tc.want {
			t.Errorf("%+v: %t", tc.statuses, got)
		}
	}
	if EndsEarly(v1alpha1.Analysis{EndEarly: true}, nil) {
		t.Error("a plan without metrics ends early")
	}
}
