package evidence

import (
	"fmt"
	"math"
	"slices"
)

// Interval is what was counted on both sides between two measurements.
//
// The numbers are increments of counters: for each series the value at the end
// less the value at the start, or, where the counter was reset in between, its
// value at the end; a series that is new counts from 0 if its pod is new.
// Intervals must not overlap. PromQL's increase() and rate() are no such
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
	// that was counted, relative to that of the tolerated ratio. About 40 numbers.
	Log []float64 `json:"log,omitempty"`
}

// Add returns the tally with one more interval. The tally it is given stays as
// it is. An interval that cannot be is an error, and changes nothing.
func (c Counts) Add(t Tally, i Interval) (Tally, error) {
	g, err := c.grid()
	if err != nil {
		return t, err
	}
	if err := c.check(i); err != nil {
		return t, err
	}
	if len(t.Log) != 0 && len(t.Log) != g.size() {
		return t, fmt.Errorf("the tally has %d ratios, the plan's tolerance and regression worth catching make it %d", len(t.Log), g.size())
	}
	if i.CanaryTotal == 0 || i.BaselineTotal == 0 {
		t.Idle++
		return t, nil
	}
	sum := Interval{
		t.Sum.CanaryBad + i.CanaryBad, t.Sum.CanaryTotal + i.CanaryTotal,
		t.Sum.BaselineBad + i.BaselineBad, t.Sum.BaselineTotal + i.BaselineTotal,
	}
	if err := c.check(sum); err != nil {
		return t, fmt.Errorf("all intervals together: %w", err)
	}
	t.Sum = sum
	t.Points++
	t.Log = slices.Clone(t.Log)
	if len(t.Log) == 0 {
		t.Log = make([]float64, g.size())
	}
	odds := i.CanaryTotal / i.BaselineTotal
	zero := logLikelihood(i, odds*g.null)
	for k := range t.Log {
		t.Log[k] += logLikelihood(i, odds*g.at(k-g.half)) - zero
	}
	return t, nil
}

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

func (c Counts) check(i Interval) error {
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
		case f.bad != math.Trunc(f.bad) || !c.Exposure && f.total != math.Trunc(f.total):
			return fmt.Errorf("%s: %v of %v is no count: it looks like increase() or rate(), which extrapolate; the counter itself is wanted", f.what, f.bad, f.total)
		case !c.Exposure && f.bad > f.total:
			return fmt.Errorf("%s: %v of %v cannot be: more than all", f.what, f.bad, f.total)
		case f.total == 0 && f.bad > 0:
			return fmt.Errorf("%s: %v events in no time", f.what, f.bad)
		}
		if f.total > 0 && f.total < 1e-9 {
			return fmt.Errorf("%s: %v is too little to be compared with", f.what, f.total)
		}
	}
	return nil
}
