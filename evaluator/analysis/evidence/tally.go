package evidence

import (
	"fmt"
	"math"
)

// Interval is what was counted on both sides between two measurements.
//
// The numbers are increments of counters: for each series the value at the end
// less the value at the start, or, where the counter was reset in between, its
// value at the end; a series that is new counts from 0 if its pod is new.
// Intervals must not overlap, and on both sides be of the same time: where one
// side lacks scrapes the interval goes on for both. PromQL's increase() and rate() are no such
// numbers: they extrapolate, which multiplies small counts by up to 2 and makes
// the evidence look stronger than it is.
type Interval struct {
	CanaryBad, CanaryTotal     float64
	BaselineBad, BaselineTotal float64
}

// Tally is what is remembered of all intervals so far. Its zero value is that of
// none. It survives JSON unchanged to the last bit.
type Tally struct {
	Sum Interval `json:"sum"`
	// Points is how many intervals were used, Idle how many were not, for want of
	// traffic on one of the sides.
	Points int `json:"points"`
	Idle   int `json:"idle"`
	// Log holds for each ratio of the grid the logarithm of the likelihood of all
	// that was counted, relative to that of the tolerated ratio.
	Log []float64 `json:"log,omitempty"`
	// Worse and NotWorse hold the logarithms of the evidence, no interval having
	// more of a say than the limit: for the ratios above the tolerated one against
	// it, and for those below the regression worth catching against that. All three
	// together are some ninety numbers of six digits after the point.
	Worse    []float64 `json:"worse,omitempty"`
	NotWorse []float64 `json:"notWorse,omitempty"`
}

// Add returns the tally with one more interval. The tally it is given stays as
// it is. An interval that cannot be is an error, and changes nothing.
func (c CountTest) Add(t Tally, i Interval) (Tally, error) {
	g, err := c.grid()
	if err != nil {
		return t, err
	}
	if err := i.check(); err != nil {
		return t, err
	}
	if err := t.fits(g); err != nil {
		return t, err
	}
	if i.CanaryTotal == 0 || i.BaselineTotal == 0 {
		t.Idle++
		return t, nil
	}
	sum := Interval{
		t.Sum.CanaryBad + i.CanaryBad, t.Sum.CanaryTotal + i.CanaryTotal,
		t.Sum.BaselineBad + i.BaselineBad, t.Sum.BaselineTotal + i.BaselineTotal,
	}
	if err := sum.check(); err != nil {
		return t, fmt.Errorf("all intervals together: %w", err)
	}
	t.Sum = sum
	t.Points++
	l := make([]float64, g.size())
	odds := i.CanaryTotal / i.BaselineTotal
	for k := range l {
		l[k] = logLikelihood(i, odds*g.at(k-g.half))
	}
	null, catch := g.half, g.half+g.catch
	t.Log = added(t.Log, l, func(k int) float64 { return l[k] - l[null] })
	t.Worse = added(t.Worse, l[null+1:], func(k int) float64 {
		return min(limit(c.Alpha), (l[null+1+k]-l[null]-c.penalty(g, i, k+1))/c.Burst)
	})
	t.NotWorse = added(t.NotWorse, l[:catch], func(k int) float64 {
		return min(limit(c.Beta), (l[k]-l[catch])/c.Burst)
	})
	return t, nil
}

// fits says whether a tally was made with the ratios of a grid.
func (t Tally) fits(g grid) error {
	if t.Points == 0 && len(t.Log) == 0 {
		return nil
	}
	if len(t.Log) != g.size() || len(t.Worse) != g.half || len(t.NotWorse) != g.half+g.catch {
		return fmt.Errorf("the tally has %d, %d and %d ratios, the tolerance and the regression worth catching make it %d, %d and %d",
			len(t.Log), len(t.Worse), len(t.NotWorse), g.size(), g.half, g.half+g.catch)
	}
	return nil
}

// added returns sums with more added to each, rounded down: never more evidence
// than there is.
func added(to, like []float64, more func(k int) float64) []float64 {
	out := make([]float64, len(like))
	copy(out, to)
	for k := range out {
		out[k] = max(-math.MaxFloat64, math.Floor((out[k]+more(k))*1e6)/1e6)
	}
	return out
}

// limit is the most that one interval may add to the logarithm of the evidence:
// half of what decides. Since the weight of a ratio takes some off, it takes three
// intervals at least. A capped e-value is an e-value.
func limit(p float64) float64 { return math.Log(1/p) / 2 }

// logLikelihood is that of the canary's share of the bad events, given the odds
// that a bad event is the canary's.
func logLikelihood(i Interval, odds float64) float64 {
	bad := 0.0
	if i.CanaryBad > 0 {
		bad -= i.CanaryBad * math.Log1p(1/odds)
	}
	if i.BaselineBad > 0 {
		bad -= i.BaselineBad * math.Log1p(odds)
	}
	return bad
}

// most is the largest number that is a count: above it, floats skip integers.
const most = 1 << 53

// check says whether an interval can be: counts, and no more bad ones than all.
func (i Interval) check() error {
	for _, f := range []struct {
		what       string
		bad, total float64
	}{{"canary", i.CanaryBad, i.CanaryTotal}, {"baseline", i.BaselineBad, i.BaselineTotal}} {
		for _, v := range []float64{f.bad, f.total} {
			if !finite(v) || v < 0 || v > most {
				return fmt.Errorf("%s: %v is no count", f.what, v)
			}
		}
		switch {
		case f.bad != math.Trunc(f.bad) || f.total != math.Trunc(f.total):
			return fmt.Errorf("%s: %v of %v is no count: it looks like increase() or rate(), which extrapolate; the counter itself is wanted", f.what, f.bad, f.total)
		case f.bad > f.total:
			return fmt.Errorf("%s: %v of %v cannot be: more than all", f.what, f.bad, f.total)
		}
	}
	return nil
}
