package evidence

import (
	"math"
	"strings"
	"testing"
)

func repeat(i Interval, n int) []Interval {
	out := make([]Interval, n)
	for k := range out {
		out[k] = i
	}
	return out
}

func TestCounts(t *testing.T) {
	none := plain()
	for name, tt := range map[string]struct {
		counts    CountTest
		intervals []Interval
		want      State
	}{
		"nothing seen is too few":                                         {none, nil, TooFew},
		"the same on both sides for long is not worse":                    {none, repeat(Interval{3, 300, 3, 300}, 60), NotWorse},
		"the same on both sides for a while tells neither way":            {none, repeat(Interval{3, 300, 3, 300}, 5), Undecided},
		"five times as bad is worse within two minutes":                   {none, repeat(Interval{15, 300, 3, 300}, 4), Worse},
		"twice as bad is worse within half an hour":                       {none, repeat(Interval{6, 300, 3, 300}, 60), Worse},
		"within the tolerance is not worse, however long":                 {none, repeat(Interval{110, 10000, 100, 10000}, 600), NotWorse},
		"an incident that hits both alike is no evidence":                 {none, append(repeat(Interval{3, 300, 3, 300}, 5), repeat(Interval{200, 300, 200, 300}, 2)...), NotWorse},
		"an outage of the canary alone is worse though little was seen":   {none, repeat(Interval{20, 20, 0, 20}, 3), Worse},
		"one interval never decides, nor do two":                          {none, repeat(Interval{20000, 20000, 0, 20000}, 2), TooFew},
		"no failures at all prove nothing about a ratio":                  {none, repeat(Interval{0, 300, 0, 300}, 60), Undecided},
		"intervals without traffic on a side are left out":                {none, repeat(Interval{9, 9, 0, 0}, 60), TooFew},
		"a minimum of requests holds back a pass":                         {with(none, func(c *CountTest) { c.MinTotal = 1e6 }), repeat(Interval{3, 300, 3, 300}, 60), TooFew},
		"a minimum of intervals holds back a pass":                        {with(none, func(c *CountTest) { c.MinPoints = 61 }), repeat(Interval{3, 300, 3, 300}, 60), TooFew},
		"a minimum does not hold back a failure":                          {with(none, func(c *CountTest) { c.MinTotal, c.MinPoints = 1e6, 99 }), repeat(Interval{15, 300, 3, 300}, 4), Worse},
		"shares of traffic are accounted for":                             {none, repeat(Interval{30, 3000, 3, 300}, 60), NotWorse},
		"a few failures in very many are worse without slack":             {none, repeat(Interval{2, 10000, 0, 10000}, 10), Worse},
		"a few failures in very many are nobody's concern with it":        {with(none, func(c *CountTest) { c.Slack = 0.001 }), repeat(Interval{2, 10000, 0, 10000}, 10), Undecided},
		"what comes in bursts counts as bursts":                           {with(none, func(c *CountTest) { c.Burst = 5 }), repeat(Interval{15, 300, 3, 300}, 4), Undecided},
		"half as bad as the baseline rules a regression out":              {none, repeat(Interval{6, 300, 12, 300}, 20), NotWorse},
		"the canary is worse before the regression worth catching is met": {with(none, func(c *CountTest) { c.Catch = 5 }), repeat(Interval{6, 300, 3, 300}, 60), Worse},
	} {
		t.Run(name, func(t *testing.T) {
			if r := judged(t, tt.counts, tt.intervals...); r.State != tt.want {
				t.Errorf("State = %s, want %s: %s (p worse %.3g, not worse %.3g)", r.State, tt.want, r.Sentence(), r.PWorse, r.PNotWorse)
			}
		})
	}
}

func with(c CountTest, change func(*CountTest)) CountTest {
	change(&c)
	return c
}

func TestCountsSentences(t *testing.T) {
	for want, r := range map[string]Result{
		"the canary failed 60 of 1,200 requests, the baseline 12 of 1,180: 4.9 times as often (at least 1.7 times, 99 % sure)": judged(t, plain(),
			repeat(Interval{15, 300, 3, 295}, 4)...),
		"the canary failed 180 of 18,000 requests, the baseline 180 of 18,000: just as often (at most 1.4 times, 95 % sure)": judged(t, plain(),
			repeat(Interval{3, 300, 3, 300}, 60)...),
		"the canary failed 12 of 1,200 requests, the baseline 10 of 1,200: 1.2 times as often (at least 0.26 times, 99 % sure; at most 4.7 times, 95 % sure); that tells neither way yet": judged(t, plain(),
			append(repeat(Interval{3, 300, 3, 300}, 2), repeat(Interval{3, 300, 2, 300}, 2)...)...),
		"the canary failed 40 of 400 requests, the baseline 0 of 400: only the canary did (at least 4 times, 99 % sure)": judged(t, plain(),
			repeat(Interval{10, 100, 0, 100}, 4)...),
		"the canary failed 0 of 1,200 requests, the baseline 0 of 1,200; that tells neither way yet": judged(t, plain(),
			repeat(Interval{0, 300, 0, 300}, 4)...),
		"the canary failed 1 of 20 requests, the baseline 0 of 20: only the canary did; before a pass 100 requests of each in 4 intervals are wanted": judged(t, plain(),
			Interval{1, 20, 0, 20}),
		"there were no requests to compare on both sides": judged(t, plain()),
	} {
		if r.Sentence() != want {
			t.Errorf("Sentence = %q\nwant       %q", r.Sentence(), want)
		}
	}
}

// The mean of the e-value under the hypothesis, over everything that can happen.
// It is exact: no chance is involved.
func TestTheMeanOfTheEvidenceIsAtMostOne(t *testing.T) {
	const n, m = 7, 9
	for _, base := range []float64{0.001, 0.02, 0.1, 0.3, 0.6, 0.8} {
		for _, c := range []CountTest{
			plain(),
			with(plain(), func(c *CountTest) { c.Slack = 0.05 }),
			with(plain(), func(c *CountTest) { c.Tolerance = 0 }),
			with(plain(), func(c *CountTest) { c.Burst = 3 }),
		} {
			canary := min(1, base*(1+c.Tolerance)+c.Slack)
			worse, notWorse := 0.0, 0.0
			for x := range n + 1 {
				for y := range m + 1 {
					r := judged(t, c, Interval{float64(x), n, float64(y), m})
					worse += chance(n, x, canary) * chance(m, y, base) / r.PWorse
					if base*c.Catch <= 1 {
						notWorse += chance(n, x, base*c.Catch) * chance(m, y, base) / r.PNotWorse
					}
				}
			}
			// 1/p is max(1, e), so the mean of it is 1 and a little, not e's own: below
			// 2 says the same of it.
			if worse > 2 || notWorse > 2 {
				t.Errorf("rate %v, tolerance %v, slack %v: mean evidence of worse %v, of not worse %v", base, c.Tolerance, c.Slack, worse, notWorse)
			}
			if mean := meanOfE(t, c, n, m, canary, base); mean > 1+1e-12 {
				t.Errorf("rate %v, tolerance %v, slack %v: mean of the e-value %v, want at most 1", base, c.Tolerance, c.Slack, mean)
			}
		}
	}
}

func meanOfE(t *testing.T, c CountTest, n, m int, canary, base float64) float64 {
	g, err := c.grid()
	if err != nil {
		t.Fatal(err)
	}
	mean := 0.0
	for x := range n + 1 {
		for y := range m + 1 {
			tally := tallied(t, c, Interval{float64(x), float64(n), float64(y), float64(m)})
			e := logMean(tally.Worse, func(k int) float64 { return g.above(k + 1) })
			mean += chance(n, x, canary) * chance(m, y, base) * math.Exp(e)
		}
	}
	return mean
}

// The same number by the formula of a textbook: all ten failures are the
// canary's, of equal traffic, so a ratio r gives them the likelihood (r/(1+r))^10.
func TestTheEvidenceIsAMixtureOfLikelihoodRatios(t *testing.T) {
	c := with(plain(), func(c *CountTest) { c.Tolerance = 0 })
	g, err := c.grid()
	if err != nil {
		t.Fatal(err)
	}
	e, weights := 0.0, 0.0
	for j := 1; j <= g.half; j++ {
		r := math.Exp(float64(j) * math.Log(2) / float64(g.catch))
		e += 1 / float64(j) * math.Pow(2*r/(1+r), 10)
		weights += 1 / float64(j)
	}
	e *= 0.9 / weights
	intervals := append(repeat(Interval{3, 50, 0, 50}, 2), repeat(Interval{2, 70, 0, 70}, 2)...) // too few each for the cap
	if r := judged(t, c, intervals...); math.Abs(r.PWorse*e-1) > 1e-4 {
		t.Errorf("PWorse = %v, want %v", r.PWorse, 1/e)
	}
}

// Rates that drift, incidents and shares of traffic that change, looked at after
// every interval until the run ends or the test is wrong.
func TestFalseAlarmsAndMissesStayWithinTheirBudgets(t *testing.T) {
	const runs, rounds = 600, 40
	c := with(plain(), func(c *CountTest) { c.Alpha, c.Beta, c.MinTotal, c.MinPoints = 0.05, 0.05, 0, 0 })
	for name, tt := range map[string]struct {
		factor float64
		wrong  State
		budget float64
	}{
		"at the tolerance":                    {1.2, Worse, c.Alpha},
		"at the regression worth catching":    {2, NotWorse, c.Beta},
		"beyond the regression, in misses":    {3, NotWorse, c.Beta},
		"without any difference, in alarms":   {1, Worse, c.Alpha},
		"better than the baseline, in alarms": {0.7, Worse, c.Alpha},
	} {
		t.Run(name, func(t *testing.T) {
			r, wrong := seeded(1), 0
			for range runs {
				var tally Tally
				base := 0.05
				for range rounds {
					base = min(0.3, max(0.002, base*math.Exp(r.NormFloat64()/3)))
					n, m := r.IntN(60), 20+r.IntN(20)
					var err error
					tally, err = c.Add(tally, Interval{
						binomial(r, n, base*tt.factor), float64(n), binomial(r, m, base), float64(m)})
					if err != nil {
						t.Fatal(err)
					}
					if got, err := c.Judge(tally); err != nil {
						t.Fatal(err)
					} else if got.State == tt.wrong {
						wrong++
						break
					}
				}
			}
			atMost(t, string(tt.wrong), wrong, runs, tt.budget)
		})
	}
}

func TestTheTrueRatioStaysWithinItsBounds(t *testing.T) {
	const runs = 500
	c := with(plain(), func(c *CountTest) { c.Alpha, c.Beta = 0.05, 0.05 })
	r, low, high := seeded(2), 0, 0
	for range runs {
		var tally Tally
		factor := math.Exp(r.NormFloat64())
		outLow, outHigh := false, false
		for range 30 {
			base := 0.01 + 0.05*r.Float64()
			tally, _ = c.Add(tally, Interval{binomial(r, 80, min(1, base*factor)), 80, binomial(r, 80, base), 80})
			got, err := c.Judge(tally)
			if err != nil {
				t.Fatal(err)
			}
			outLow = outLow || factor < got.Effect.Low && base*factor < 1
			outHigh = outHigh || factor > got.Effect.High && base*factor < 1
		}
		if outLow {
			low++
		}
		if outHigh {
			high++
		}
	}
	atMost(t, "a lower bound above the true ratio", low, runs, c.Alpha)
	atMost(t, "an upper bound below the true ratio", high, runs, c.Beta)
}

func TestBurstsAreNoFalseAlarmIfThePlanKnowsOfThem(t *testing.T) {
	const runs = 500
	alarms := func(burst float64) (n int) {
		c := with(plain(), func(c *CountTest) { c.Alpha, c.Burst = 0.05, burst })
		r := seeded(3)
		for range runs {
			var tally Tally
			for range 40 {
				tally, _ = c.Add(tally, Interval{4 * binomial(r, 50, 0.012), 200, 4 * binomial(r, 50, 0.01), 200})
				if got, _ := c.Judge(tally); got.State == Worse {
					n++
					break
				}
			}
		}
		return n
	}
	atMost(t, "Worse", alarms(4), runs, 0.05)
	if n := alarms(1); n < runs/5 {
		t.Errorf("without Burst %d of %d runs were false alarms; the test has lost its point", n, runs)
	}
}

func TestSwappingTheSidesMirrorsTheBounds(t *testing.T) {
	c := with(plain(), func(c *CountTest) { c.Tolerance, c.Alpha, c.Beta = 0, 0.05, 0.05 })
	r := seeded(4)
	for range 200 {
		var one, other Tally
		for range 10 {
			i := Interval{float64(r.IntN(20)), 50, float64(r.IntN(20)), 40 + float64(r.IntN(20))}
			one, _ = c.Add(one, i)
			other, _ = c.Add(other, Interval{i.BaselineBad, i.BaselineTotal, i.CanaryBad, i.CanaryTotal})
		}
		g, _ := c.grid()
		low, high := mixture{g, one.Log, 1}.bounds(c.Alpha, c.Beta)
		otherLow, otherHigh := mixture{g, other.Log, 1}.bounds(c.Alpha, c.Beta)
		if !near(low, 1/otherHigh) || !near(high, 1/otherLow) {
			t.Fatalf("bounds %v to %v and %v to %v do not mirror each other", low, high, otherLow, otherHigh)
		}
	}
}

func near(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }

func TestOneMoreFailureIsNeverBetter(t *testing.T) {
	c, r := with(plain(), func(c *CountTest) { c.Slack = 0.002 }), seeded(5)
	for range 300 {
		var before []Interval
		for range 1 + r.IntN(5) {
			before = append(before, Interval{float64(r.IntN(9)), 50, float64(r.IntN(9)), 40 + float64(r.IntN(20))})
		}
		now := judged(t, c, before...)
		before[r.IntN(len(before))].CanaryBad++
		then := judged(t, c, before...)
		if then.PWorse > now.PWorse+1e-12 || then.PNotWorse < now.PNotWorse-1e-12 {
			t.Fatalf("with one more failure the evidence of worse went from %v to %v, of not worse from %v to %v",
				now.PWorse, then.PWorse, now.PNotWorse, then.PNotWorse)
		}
	}
}

func TestARestartChangesNothing(t *testing.T) {
	c, r := plain(), seeded(6)
	var kept, restarted Tally
	for range 100 {
		i := Interval{float64(r.IntN(9)), 50 + float64(r.IntN(9)), float64(r.IntN(9)), 50}
		kept, _ = c.Add(kept, i)
		restarted, _ = c.Add(throughJSON(t, restarted), i)
		a, _ := c.Judge(kept)
		b, _ := c.Judge(restarted)
		if a != b {
			t.Fatalf("%+v without restarts, %+v with", a, b)
		}
	}
}

func TestAddDoesNotChangeTheTallyItIsGiven(t *testing.T) {
	c := plain()
	before := tallied(t, c, Interval{3, 300, 3, 300})
	same := throughJSON(t, before)
	if _, err := c.Add(before, Interval{30, 300, 3, 300}); err != nil {
		t.Fatal(err)
	}
	for i := range before.Log {
		if before.Log[i] != same.Log[i] {
			t.Fatal("Add changed the tally it was given")
		}
	}
}

func TestWhatCannotBeCountedIsRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, i := range map[string]Interval{
		"canary: NaN is no count":               {nan, 10, 1, 10},
		"baseline: +Inf is no count":            {1, 10, 1, inf},
		"canary: -1 is no count":                {-1, 10, 1, 10},
		"canary: 1e+300 is no count":            {1, 1e300, 1, 10},
		"canary: 11 of 10 cannot be":            {11, 10, 1, 10},
		"baseline: 2.5 of 10 is no count":       {1, 10, 2.5, 10},
		"baseline: 2 of 10.5 is no count":       {1, 10, 2, 10.5},
		"increase() or rate(), which extrapola": {1.3, 10, 2, 10},
	} {
		tally, err := plain().Add(Tally{}, i)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Add(%+v) = %v, want %q", i, err, want)
		}
		if tally.Points+tally.Idle != 0 {
			t.Errorf("Add(%+v) counted it", i)
		}
	}
}

func TestCountsWithImpossibleSettingsAreRefused(t *testing.T) {
	for want, change := range map[string]func(*CountTest){
		"regression worth catching 1.3": func(c *CountTest) { c.Catch = 1.3 },
		"tolerance -0.1":                func(c *CountTest) { c.Tolerance = -0.1 },
		"tolerance NaN":                 func(c *CountTest) { c.Tolerance = math.NaN() },
		"false alarm 0":                 func(c *CountTest) { c.Alpha = 0 },
		"miss 1":                        func(c *CountTest) { c.Beta = 1 },
		"slack -1":                      func(c *CountTest) { c.Slack = -1 },
		"burst 0.5":                     func(c *CountTest) { c.Burst = 0.5 },
	} {
		c := with(plain(), change)
		if _, err := c.Judge(Tally{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Judge = %v, want %q", err, want)
		}
		if _, err := c.Add(Tally{}, Interval{}); err == nil {
			t.Errorf("Add took settings with %q", want)
		}
	}
}

func TestTheGridHasBothNullsExactly(t *testing.T) {
	for _, tolerance := range []float64{0, 0.1, 0.2, 0.5, 1, 3} {
		for _, over := range []float64{1.2, 1.25, 1.4, 5.0 / 3, 2, 4, 15} {
			catch := over * (1 + tolerance)
			g, err := newGrid(tolerance, catch)
			if err != nil {
				t.Fatal(err)
			}
			if g.at(0) != 1+tolerance || !near(g.at(g.catch), catch) || g.size() > 70 {
				t.Errorf("tolerance %v, catch %v: at(0) %v, at(catch) %v, %d ratios", tolerance, catch, g.at(0), g.at(g.catch), g.size())
			}
			above, below := 0.0, 0.0
			for j := -g.half; j <= g.half; j++ {
				above, below = above+g.above(j), below+g.below(j)
			}
			if above > 1+1e-12 || below > 1+1e-12 {
				t.Errorf("weights sum up to %v and %v", above, below)
			}
		}
	}
}
