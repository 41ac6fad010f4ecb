package analysis

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// found are the series of a side: how many good and bad requests there were at each
// scrape, below zero for a counter that has none.
func found(good, bad float64) SideSamples {
	const scrapes = 20
	metric := map[string]string{"pod": "a", "instance": "a:80", "job": "web", "code": "200"}
	one := func(each float64) []Series {
		if each < 0 {
			return nil
		}
		s := steady(0, each, each, scrapes).Total[0]
		s.Metric = metric
		return []Series{s}
	}
	return SideSamples{Good: one(good), Bad: one(bad), Total: one(500)}
}

// known is what had been scraped of a side at a time, with its labels.
func (s SideSamples) known(at time.Time) SideSamples {
	cut := s.until(at)
	for _, both := range [][2][]Series{{s.Good, cut.Good}, {s.Bad, cut.Bad}, {s.Total, cut.Total}} {
		for i := range both[1] {
			both[1][i].Metric = both[0][i].Metric
		}
	}
	return cut
}

const gone = -1

// A counter that its selector does not find is not taken for one that has counted nothing.
func TestACounterWithoutSeries(t *testing.T) {
	const bucket = `l_bucket{ {{pods}}, le="1" }`
	good := func(text string) v1alpha1.Counted { return v1alpha1.Counted{Good: text, Total: "r_total{ {{pods}} }"} }
	bad := func(text string) v1alpha1.Counted { return v1alpha1.Counted{Bad: text, Total: "r_total{ {{pods}} }"} }
	for name, tc := range map[string]struct {
		count         v1alpha1.Counted
		canary, other SideSamples
		reason, says  string
	}{
		"good on neither side":                      {good(`r_total{ {{pods}}, code="ok" }`), found(gone, gone), found(gone, gone), v1alpha1.MeasuredNoData, "(good) has no series on either side"},
		"good on the baseline alone":                {good(`r_total{ {{pods}}, code="200" }`), found(gone, gone), found(490, gone), v1alpha1.MeasuredWorse, "times as often"},
		"good on the canary alone":                  {good(`r_total{ {{pods}}, code="200" }`), found(490, gone), found(gone, gone), v1alpha1.MeasuredNoData, "(good) has no series of the baseline"},
		"good on both":                              {good(`r_total{ {{pods}}, code="200" }`), found(490, gone), found(490, gone), v1alpha1.MeasuredNotWorse, "the canary"},
		"a bucket on neither side":                  {good(bucket), found(gone, gone), found(gone, gone), v1alpha1.MeasuredNoData, "selects no bucket of the canary"},
		"a bucket on the baseline alone":            {good(bucket), found(gone, gone), found(490, gone), v1alpha1.MeasuredNoData, "selects no bucket of the canary"},
		"a bucket on the canary alone":              {good(bucket), found(490, gone), found(gone, gone), v1alpha1.MeasuredNoData, "selects no bucket of the baseline"},
		"a bucket that nothing fell into":           {good(bucket), found(0, gone), found(490, gone), v1alpha1.MeasuredWorse, "times as often"},
		"a bucket that is narrowed down":            {good(`l_bucket{ {{pods}}, le="1", code="200" }`), found(gone, gone), found(490, gone), v1alpha1.MeasuredWorse, "times as often"},
		"bad on neither side, told by a label":      {bad(`r_total{ {{pods}}, code="500" }`), found(gone, gone), found(gone, gone), v1alpha1.MeasuredUndecided, "the canary failed 0 of"},
		"bad on neither side, by a label of none":   {bad(`r_total{ {{pods}}, cod="500" }`), found(gone, gone), found(gone, gone), v1alpha1.MeasuredNoData, "(bad) has no series on either side"},
		"bad on neither side, of another name":      {bad(`e_total{ {{pods}} }`), found(gone, gone), found(gone, gone), v1alpha1.MeasuredNoData, "let the application export it at 0"},
		"bad of another name, at 0 on the baseline": {bad(`e_total{ {{pods}} }`), found(gone, gone), found(gone, 0), v1alpha1.MeasuredUndecided, "the canary failed 0 of"},
		"good but for a status that is not there":   {good(`r_total{ {{pods}}, status!~"5.." }`), found(500, gone), found(500, gone), v1alpha1.MeasuredNoData, "excludes values of the label status, and no series of total has it"},
		"good but for a status":                     {good(`r_total{ {{pods}}, code!~"5.." }`), found(490, gone), found(490, gone), v1alpha1.MeasuredNotWorse, "the canary"},
		"good but for what did not come yet":        {good(`r_total{ {{pods}}, error="" }`), found(490, gone), found(490, gone), v1alpha1.MeasuredNotWorse, "the canary"},
		"bad but for a label that is not there":     {bad(`r_total{ {{pods}}, result!="ok" }`), found(gone, 500), found(gone, 500), v1alpha1.MeasuredNoData, "the counter of what is bad excludes values of the label result"},
		"bad but for a status":                      {bad(`r_total{ {{pods}}, code!="200" }`), found(gone, 50), found(gone, 10), v1alpha1.MeasuredWorse, "times as often"},
		"bad of another name, on the canary alone":  {bad(`e_total{ {{pods}} }`), found(gone, 50), found(gone, gone), v1alpha1.MeasuredWorse, "the baseline 0 of"},
	} {
		t.Run(name, func(t *testing.T) {
			metric := counting(func(c *v1alpha1.Comparison) { *c.Count = tc.count })
			var s v1alpha1.MetricStatus
			for i := range 10 {
				at := noon.Add(time.Duration(i) * 30 * time.Second)
				s = Take(metric, s, at, Observation{Comparison: &ComparisonSamples{
					Canary: tc.canary.known(at), Other: tc.other.known(at), Since: noon, Asked: noon.Add(-time.Minute), Scrape: 15 * time.Second}})
			}
			if m, _ := Newest(s); m.Reason != tc.reason || !strings.Contains(m.Message, tc.says) {
				t.Errorf("got %s %s: %s", m.Outcome, m.Reason, m.Message)
			}
		})
	}
}

// A side without requests has nothing that could be missing.
func TestNothingIsMissingWithoutRequests(t *testing.T) {
	metric := counting(func(c *v1alpha1.Comparison) { c.Count.Bad, c.Count.Good = "", `l_bucket{ {{pods}}, le="1" }` })
	idle := steady(0, 0, 0, 20)
	for name, sides := range map[string]ComparisonSamples{
		"neither": {Canary: SideSamples{Total: idle.Total}, Other: SideSamples{Total: idle.Total}},
		"one":     {Canary: SideSamples{Total: idle.Total}, Other: found(490, gone)},
	} {
		m, _ := Newest(rounds(metric, 5, sides.Canary, sides.Other))
		if m.Reason != v1alpha1.MeasuredGathering {
			t.Errorf("%s: got %s: %s", name, m.Reason, m.Message)
		}
	}
}

// What was not counted while a counter was missing is counted when it is born.
func TestWhatIsBornLaterIsCountedFromTheBeginning(t *testing.T) {
	metric := counting(func(c *v1alpha1.Comparison) { c.Count.Bad, c.Count.Good = "", `r_total{ {{pods}}, code="200" }` })
	late := found(490, gone)
	late.Good[0].Samples = late.Good[0].Samples[10:]
	var s v1alpha1.MetricStatus
	for i := range 10 {
		at := noon.Add(time.Duration(i) * 30 * time.Second)
		s = Take(metric, s, at, Observation{Comparison: &ComparisonSamples{Canary: late.known(at), Other: late.known(at), Since: noon, Asked: noon.Add(-time.Minute), Scrape: 15 * time.Second}})
	}
	if s.NoData == 0 || s.Compared == nil {
		t.Fatalf("nothing was missing, or nothing was counted: %+v", s)
	}
	if sum := s.Compared.Tally.Sum; sum.CanaryTotal != 9000 || sum.CanaryBad != 180 {
		t.Errorf("counted %+v, want 180 of 9000 that were not good", sum)
	}
}
