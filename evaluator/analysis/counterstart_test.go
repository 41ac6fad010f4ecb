package analysis

import (
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// of gives a series the labels of a target.
func of(pod string, s Series) Series {
	s.Metric = map[string]string{"pod": pod, "instance": pod + ":8080", "job": "web"}
	return s
}

// A series is taken from 0 where nothing of it can be older than its first
// sample, and from its first sample where something can.
func TestWhereACounterBegins(t *testing.T) {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	asked := at(-300)
	for name, tc := range map[string]struct {
		side       SideSamples
		bad, total float64
	}{
		"a first failure, of a pod that was scraped before": {
			SideSamples{Total: []Series{of("a", counter(at(-15), 100, 200, 300))}, Bad: []Series{of("a", counter(at(15), 1))}}, 1, 100},
		"a first failure, at the first scrape of a fresh pod": {
			SideSamples{Total: []Series{of("a", counter(at(5), 40))}, Bad: []Series{of("a", counter(at(5), 3))}, Made: map[string]time.Time{"a": at(-20)}}, 3, 40},
		"a pod that comes later, as a canary grows": {
			SideSamples{Total: []Series{of("a", counter(at(-15), 100, 200, 300)), of("b", counter(at(5), 40))},
				Bad: []Series{of("b", counter(at(5), 3))}, Made: map[string]time.Time{"a": at(-200), "b": at(1)}}, 3, 140},
		"an old pod whose first samples are behind what was asked for": {
			SideSamples{Total: []Series{of("a", counter(at(5), 1e8, 1e8+100))}, Bad: []Series{of("a", counter(at(5), 1e6, 1e6+1))}}, 1, 100},
		"a pod that was not scraped for long": {
			SideSamples{Total: []Series{of("a", counter(at(5), 5000, 5100))}, Bad: []Series{of("a", counter(at(5), 50, 51))}, Made: map[string]time.Time{"a": at(-900)}}, 1, 100},
		"and has its first failure then": {
			SideSamples{Total: []Series{of("a", counter(at(5), 5000, 5100))}, Bad: []Series{of("a", counter(at(20), 1))}, Made: map[string]time.Time{"a": at(-900)}}, 1, 100},
		"another target of the pod tells nothing": {
			SideSamples{Total: []Series{{Metric: map[string]string{"pod": "a", "instance": "a:9090"}, Samples: counter(at(-15), 1, 1, 1).Samples}},
				Bad: []Series{of("a", counter(at(15), 7, 8))}}, 1, 0},
		"a restart goes on from 0": {
			SideSamples{Total: []Series{of("a", counter(at(-15), 100, 110, 4))}, Bad: []Series{of("a", counter(at(-15), 5, 5, 2))}}, 2, 4},
		"a restart, and the first failure after it": {
			SideSamples{Total: []Series{of("a", counter(at(-15), 100, 110, 4))}, Bad: []Series{of("a", counter(at(15), 1))}}, 1, 4},
		"a recording without pods": {
			SideSamples{Total: []Series{counter(at(-15), 100, 200, 300)}, Bad: []Series{counter(at(15), 1)}}, 1, 100},
	} {
		t.Run(name, func(t *testing.T) {
			bad, total := tc.side.risen(v1alpha1.Counted{Bad: "bad", Total: "all"}, noon, at(30), startsOf(tc.side, "pod", asked))
			if bad != tc.bad || total != tc.total {
				t.Errorf("counted %v of %v, want %v of %v", bad, total, tc.bad, tc.total)
			}
		})
	}
}

// Two hours without a scrape, of which an hour is never counted: the counter goes
// on from where it is found, and is not taken for a new one.
func TestALongPauseCountsNothingTwice(t *testing.T) {
	metric := counting()
	made := map[string]time.Time{"a": noon.Add(-time.Minute)}
	side := func(since time.Time, values ...float64) SideSamples {
		all := of("a", counter(since, values...))
		return SideSamples{Bad: []Series{of("a", counter(since, 0, 0, 0))}, Total: []Series{all}, Made: made}
	}
	s := takeBoth(metric, noon.Add(30*time.Second), side(noon, 0, 400, 800), noon.Add(-5*time.Minute), v1alpha1.MetricStatus{})
	back := noon.Add(2 * time.Hour)
	s = takeBoth(metric, back.Add(30*time.Second), side(back, 9000, 9400, 9800), back.Add(-65*time.Minute), s)
	if got := s.Compared.Tally.Sum.CanaryTotal; got != 1600 {
		t.Errorf("counted %v, want 800 and 800", got)
	}
}

// takeBoth takes a measurement of the same samples on both sides.
func takeBoth(metric v1alpha1.Metric, at time.Time, side SideSamples, asked time.Time, before v1alpha1.MetricStatus) v1alpha1.MetricStatus {
	return Take(metric, before, at, Observation{Comparison: &ComparisonSamples{Canary: side, Other: side, Since: noon, Asked: asked, Scrape: 15 * time.Second}})
}
