package judges

import (
	"math"
	"testing"

	"holdfast.dev/holdfast/test/judge/world"
)

// made makes a side whose every interval is the same, but for some.
func made(change func(k int, c *world.Counters)) *world.Side {
	var s world.Side
	var sum world.Counters
	for k := range s {
		c := world.Counters{Total: 100, Bad: 1}
		c.Latency[4] = 100
		if change != nil {
			change(k, &c)
		}
		sum.Total += c.Total
		sum.Bad += c.Bad
		for i := range c.Latency {
			sum.Latency[i] += c.Latency[i]
		}
		s[k] = world.Sample{Scraped: true, Counters: sum}
	}
	return &s
}

func without(s *world.Side, from, to int) *world.Side {
	for k := from; k < to; k++ {
		s[k] = world.Sample{}
	}
	return s
}

func bad(from, to int) func(int, *world.Counters) {
	return func(k int, c *world.Counters) {
		if k >= from && k < to {
			c.Bad = 50
		}
	}
}

func TestThresholds(t *testing.T) {
	l := limits{errors: 0.02, p99: 0.6}
	for name, tt := range map[string]struct {
		canary        *world.Side
		flagger, argo Verdict
	}{
		"good from beginning to end": {made(nil), Verdict{Released, 55 * 30}, Verdict{Released, 55 * 30}},
		"always bad: five bad checks and one more, four failures": {
			made(bad(0, world.Scrapes)), Verdict{Reverted, 6 * 30}, Verdict{Reverted, 4 * 30}},
		"bad for a minute in the middle costs three checks": {
			made(bad(60, 64)), Verdict{Released, 58 * 30}, Verdict{Released, 55 * 30}},
		"two short incidents add up": {
			made(func(k int, c *world.Counters) { bad(40, 44)(k, c); bad(80, 84)(k, c) }), Verdict{Reverted, 43 * 30}, Verdict{Reverted, 41 * 30}},
		"no scrapes for three minutes": {
			without(made(nil), 60, 72), Verdict{Reverted, 0}, Verdict{Reverted, 0}},
		"no traffic is no value here, and NaN there": {
			made(func(_ int, c *world.Counters) { *c = world.Counters{} }), Verdict{Reverted, 6 * 30}, Verdict{Reverted, 4 * 30}},
	} {
		t.Run(name, func(t *testing.T) {
			run := &world.Run{Canary: *tt.canary}
			if got := flagger("", l).Decide(run); got.Outcome != tt.flagger.Outcome || tt.flagger.Seconds > 0 && got != tt.flagger {
				t.Errorf("Flagger: %v, want %v", got, tt.flagger)
			}
			if got := argo("", l).Decide(run); got.Outcome != tt.argo.Outcome || tt.argo.Seconds > 0 && got != tt.argo {
				t.Errorf("Argo Rollouts: %v, want %v", got, tt.argo)
			}
		})
	}
}

func TestKayenta(t *testing.T) {
	slow := made(func(_ int, c *world.Counters) { c.Latency[4], c.Latency[6] = 0, 100 })
	for name, tt := range map[string]struct {
		canary, baseline *world.Side
		want             Verdict
	}{
		"identical sides pass":                {made(nil), made(nil), Verdict{Released, 1800}},
		"a slow canary fails the first time":  {slow, made(nil), Verdict{Reverted, 600}},
		"a slow baseline is not the canary's": {made(nil), slow, Verdict{Released, 1800}},
		"no data is no score":                 {without(made(nil), 0, world.Scrapes), made(nil), Verdict{Reverted, 600}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := kayenta().Decide(&world.Run{Canary: *tt.canary, Baseline: *tt.baseline}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestKayentasShiftIsThatOfHodgesAndLehmann(t *testing.T) {
	// The data of R's example of wilcox.test; the median of the 50 differences is
	// 0.305, between 0.30 and 0.31.
	x := []float64{0.73, 0.80, 0.83, 1.04, 1.38, 1.45, 1.46, 1.64, 1.89, 1.91}
	y := []float64{0.74, 0.88, 0.90, 1.15, 1.21}
	if got := shift(x, y, 0); math.Abs(got-0.305) > 0.0051 {
		t.Errorf("shift = %v, want 0.305", got)
	}
	low, high := shift(x, y, 1.96), shift(x, y, -1.96)
	if !(low < -0.1 && low > -0.3 && high > 0.7 && high < 0.9) {
		t.Errorf("interval %v to %v, R has -0.15 to 0.76 exactly", low, high)
	}
}

func TestPercentileIsThatOfCommonsMath(t *testing.T) {
	v := []float64{1, 2, 3, 4}
	for p, want := range map[float64]float64{1: 1, 25: 1.25, 50: 2.5, 75: 3.75, 99: 4} {
		if got := percentile(v, p); got != want {
			t.Errorf("percentile(%v) = %v, want %v", p, got, want)
		}
	}
}

func TestHoldfast(t *testing.T) {
	worse := made(func(_ int, c *world.Counters) { c.Bad = 5 })
	slow := made(func(_ int, c *world.Counters) { c.Latency[4], c.Latency[6] = 0, 100 })
	for name, tt := range map[string]struct {
		canary, baseline *world.Side
		outcome          Outcome
		by               int
	}{
		"sides alike are released early":                {made(nil), made(nil), Released, 1200},
		"five times the errors are reverted early":      {worse, made(nil), Reverted, 120},
		"a slow canary is reverted early":               {slow, made(nil), Reverted, 120},
		"a slow baseline is not the canary's":           {made(nil), slow, Released, 1200},
		"an incident on both sides is no one's":         {made(bad(20, 40)), made(bad(20, 40)), Released, 1200},
		"a canary that nobody scrapes is undecided":     {without(made(nil), 0, world.Scrapes), made(nil), Undecided, 1800},
		"a gap of five minutes is only that":            {without(made(nil), 10, 30), made(nil), Released, 1800},
		"what comes after an early release is not seen": {made(bad(60, world.Scrapes)), made(nil), Released, 1800},
		"without requests there is nothing to judge":    {made(func(_ int, c *world.Counters) { *c = world.Counters{} }), made(nil), Undecided, 1800},
	} {
		t.Run(name, func(t *testing.T) {
			got := holdfast().Decide(&world.Run{Canary: *tt.canary, Baseline: *tt.baseline})
			if got.Outcome != tt.outcome || got.Seconds > tt.by {
				t.Errorf("got %v, want %s by %d s", got, tt.outcome, tt.by)
			}
		})
	}
}
