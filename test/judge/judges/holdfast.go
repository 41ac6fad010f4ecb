package judges

import (
	"math"

	"holdfast.dev/holdfast/evaluator/analysis/evidence"
	"holdfast.dev/holdfast/test/judge/world"
)

// slowBound is the bucket above which a request is slow where slow requests are
// counted: 250 ms.
const slowBound = 5

// ours are the settings of Holdfast's comparison: all of them defaults.
func ours() (evidence.CountTest, evidence.ValueTest) {
	alpha := evidence.Split(evidence.DefaultFalseAlarms, 2)
	return evidence.CountTest{
			Tolerance: evidence.DefaultTolerance, Catch: evidence.DefaultCatch, Burst: 1,
			Alpha: alpha, Beta: evidence.DefaultMisses, MinTotal: 500, MinPoints: 6,
		}, evidence.ValueTest{
			Worse: evidence.Higher, Tolerance: evidence.DefaultTolerance, Catch: evidence.DefaultCatch,
			Alpha: alpha, Beta: evidence.DefaultMisses, MinPoints: 6,
		}
}

const oursSettings = "tolerance 20 %, catch 2×, false alarms 1 % of runs split over 2 metrics, misses 5 %; at least 500 requests and 6 measurements before a pass; a check in 30 s; released early if both metrics rule a regression out"

func holdfast() Judge {
	return Judge{
		Name:     "Holdfast",
		Settings: "errors as counts, P90 of each 15 s as values, against the baseline; " + oursSettings,
		Decide: func(run *world.Run) Verdict {
			return compare(&run.Canary, &run.Baseline, errorsOf, quantiles(&run.Canary, &run.Baseline))
		},
	}
}

func holdfastCounting() Judge {
	return Judge{
		Name:     "Holdfast, slow requests counted",
		Settings: "errors and requests over 250 ms as counts, against the baseline; else the same",
		Decide: func(run *world.Run) Verdict {
			return compare(&run.Canary, &run.Baseline, errorsOf, counts(&run.Canary, &run.Baseline, slowOf))
		},
	}
}

func holdfastStable() Judge {
	return Judge{
		Name:     "Holdfast, against the stable pods",
		Settings: "as Holdfast, but without baseline pods: the canary is compared with those that are warm",
		Decide: func(run *world.Run) Verdict {
			return compare(&run.Canary, &run.Stable, errorsOf, quantiles(&run.Canary, &run.Stable))
		},
	}
}

// finding says, of one metric, at which check the canary was found worse, and
// from which on a regression is ruled out; never is after the last.
type finding struct {
	worse    int
	notWorse map[int]bool
	enough   func(check int) bool
}

const never = world.Checks + 1

func errorsOf(c world.Counters) float64 { return c.Bad }
func slowOf(c world.Counters) float64   { return c.Latency.Over(slowBound) }

// compare judges by errors and one metric more.
func compare(canary, other *world.Side, bad func(world.Counters) float64, second finding) Verdict {
	first := counts(canary, other, bad)
	for check := 1; check <= world.Checks; check++ {
		switch {
		case first.worse == check || second.worse == check:
			return end(Reverted, check)
		case !first.enough(check) || !second.enough(check):
		case first.notWorse[check] && second.notWorse[check], check == world.Checks:
			return end(Released, check)
		}
	}
	return end(Undecided, world.Checks)
}

// counts compares bad requests from check to check, between the newest samples
// that both sides have.
func counts(canary, other *world.Side, bad func(world.Counters) float64) finding {
	c, _ := ours()
	f := finding{worse: never, notWorse: map[int]bool{}}
	few := map[int]bool{}
	var tally evidence.Tally
	last := -1
	for check := 1; check <= world.Checks; check++ {
		if k := newestOfBoth(canary, other, newest(check)); k > last {
			a, b := canary.Between(last, k), other.Between(last, k)
			next, err := c.Add(tally, evidence.Interval{CanaryBad: bad(a), CanaryTotal: a.Total, BaselineBad: bad(b), BaselineTotal: b.Total})
			last = k
			// After a reset that nobody could see more may be bad than there is; such an
			// interval is passed over.
			if err == nil {
				tally = next
			}
		}
		r, err := c.Judge(tally)
		if err != nil {
			panic(err) // the settings are those of ours
		}
		f.notWorse[check] = r.State == evidence.NotWorse
		few[check] = r.State == evidence.TooFew
		if r.State == evidence.Worse {
			f.worse = check
			break
		}
	}
	f.enough = func(check int) bool { return !few[check] }
	return f
}

func newestOfBoth(a, b *world.Side, k int) int {
	for ; k >= 0; k-- {
		if a[k].Scraped && b[k].Scraped {
			return k
		}
	}
	return -1
}

// quantiles compares the 90th percentiles of windows from one sample that both
// sides have to the next.
func quantiles(canary, other *world.Side) finding {
	_, v := ours()
	var pairs []evidence.Pair
	var at []int // the check at which each pair is known
	last := -1
	for k := range canary {
		if !canary[k].Scraped || !other[k].Scraped {
			continue
		}
		x, hasX := canary.Between(last, k).Latency.Quantile(0.9)
		y, hasY := other.Between(last, k).Latency.Quantile(0.9)
		last = k
		if hasX && hasY {
			pairs = append(pairs, evidence.Pair{Canary: x, Baseline: y})
			at = append(at, (k+world.PerCheck)/world.PerCheck)
		}
	}
	worse, notWorse, err := v.Decided(pairs)
	if err != nil {
		panic(err) // the settings are those of ours
	}
	checkOf := func(n int) int {
		if n == 0 {
			return never
		}
		return at[n-1]
	}
	f := finding{worse: checkOf(worse), notWorse: map[int]bool{}}
	for check := checkOf(notWorse); check < never; check++ {
		f.notWorse[check] = true
	}
	enough := math.MaxInt
	if len(at) >= v.MinPoints {
		enough = at[v.MinPoints-1]
	}
	f.enough = func(check int) bool { return check >= enough }
	return f
}
