package evidence

import (
	"fmt"
	"math"
)

// WorseWhen says which way is worse.
type WorseWhen string

const (
	// Higher values are worse: latencies, memory.
	Higher WorseWhen = "Higher"
	// Lower values are worse: hits of a cache.
	Lower WorseWhen = "Lower"
)

// ValueTest compares one value a window of time of the canary with the baseline's
// of the same window, by the Mann-Whitney U test.
//
// # The guarantee
//
// The baseline's values are first made worse by the tolerance. The hypothesis is
// that, given what the two have in common in a window (traffic, incidents), the
// canary's value is stochastically no worse than that, and independent of it and
// of other windows. The probability that the State is ever Worse is at most
// Alpha: the test is made at a few numbers of windows that are fixed beforehand,
// each with a share of Alpha (a union bound, so that nothing is assumed about
// how the looks depend on each other). NotWorse is the same test with the
// baseline made worse by Catch, and Beta.
//
// The tolerance widens each value by a factor and not, as one also sees, all by
// a share of their median: that would have to be estimated from the same few
// values, and the test would be exact no more.
//
// What both sides have in common makes ranks alike and the test cautious: with
// incidents and drift its error probability is less than it says, and so is its
// power.
//
// Mann, Whitney, "On a test of whether one of two random variables is
// stochastically larger than the other", Annals of Mathematical Statistics 18
// (1947).
//
// # What breaks it
//
// Windows that are not independent. Values of rate(x[2m]) every 30 s share three
// quarters of their data: four of them are little more than one. [Pairs] takes
// only windows that do not overlap. Slow changes of one side alone (a garbage
// collection every ten minutes, one slow node) make even those dependent; the
// tolerance has to cover them.
type ValueTest struct {
	// Worse is which way is worse.
	Worse WorseWhen
	// Tolerance is how much worse the canary's values may be, as a share, Slack by
	// how much besides, in the values' own unit.
	Tolerance, Slack float64
	// Catch is the regression worth catching, as a factor.
	Catch float64
	// Alpha is the probability of a false alarm, Beta that of a miss.
	Alpha, Beta float64
	// MinPoints is in how many windows both must have been seen before the canary
	// is found NotWorse.
	MinPoints int
	// Unit follows numbers in the sentence: " s".
	Unit string
}

// Pair is the values of both sides in one window.
type Pair struct{ Canary, Baseline float64 }

// Judge says what the windows so far come to, in the order of their time. It
// remembers nothing: the looks of the past are made again, on the windows there
// were then. So a canary once found Worse stays so. Windows in which a value is
// NaN or infinite are left out.
func (v ValueTest) Judge(pairs []Pair) (Result, error) {
	if err := v.check(); err != nil {
		return Result{}, err
	}
	x, y := v.sides(pairs)
	worse, notWorse := v.findWorse(x, y), v.findNotWorse(x, y)
	r := Result{State: Undecided, Points: len(x), PWorse: worse.p, PNotWorse: notWorse.p}
	switch {
	case worse.at > 0:
		r.State, r.Points = Worse, worse.at
		x, y = x[:worse.at], y[:worse.at]
	case len(x) < max(1, v.MinPoints):
		r.State = TooFew
	case notWorse.at > 0:
		r.State = NotWorse
	}
	r.Effect = v.effect(x, y, worse.last, notWorse.last)
	r.sentence = v.sentence(r, x, y)
	return r, nil
}

// Decided returns after how many windows the canary was found worse, and after
// how many a regression worth catching was ruled out, whatever MinPoints says; 0
// stands for never.
func (v ValueTest) Decided(pairs []Pair) (worse, notWorse int, err error) {
	if err := v.check(); err != nil {
		return 0, 0, err
	}
	x, y := v.sides(pairs)
	return v.findWorse(x, y).at, v.findNotWorse(x, y).at, nil
}

// tested is what all looks of one hypothesis came to.
type tested struct {
	// at is after how many windows it was rejected, 0 if it never was.
	at int
	// p is the smallest p-value, each multiplied by the share of the error
	// probability that its look could not spend.
	p float64
	// last is the newest look.
	last look
}

func (v ValueTest) findWorse(x, y []float64) tested {
	return find(len(x), v.Alpha, func(n int) (float64, bool) {
		_, p, _ := MannWhitney(x[:n], v.worsened(y[:n], 1+v.Tolerance, v.Slack))
		return p, true
	})
}

// findNotWorse asks besides that in half of all pairings the canary lies within
// the tolerance.
func (v ValueTest) findNotWorse(x, y []float64) tested {
	return find(len(x), v.Beta, func(n int) (float64, bool) {
		_, _, p := MannWhitney(x[:n], v.worsened(y[:n], v.Catch, 0))
		u, _, _ := MannWhitney(x[:n], v.worsened(y[:n], 1+v.Tolerance, v.Slack))
		return p, u <= float64(n*n)/2
	})
}

// find makes the looks that n windows allow until one rejects, and may.
func find(n int, budget float64, test func(n int) (p float64, may bool)) tested {
	f := tested{p: 1}
	for _, l := range looksUntil(n, budget) {
		p, may := test(l.at)
		f.p, f.last = min(f.p, p*budget/l.spend), l
		if p <= l.spend && may {
			f.at = l.at
			break
		}
	}
	return f
}

func (v ValueTest) check() error {
	switch {
	case v.Worse != Higher && v.Worse != Lower:
		return fmt.Errorf("worse %q: want %s or %s", v.Worse, Higher, Lower)
	case !finite(v.Tolerance) || v.Tolerance < 0 || !finite(v.Slack) || v.Slack < 0:
		return fmt.Errorf("tolerance %v and slack %v: want 0 or more", v.Tolerance, v.Slack)
	case !finite(v.Catch) || v.Catch <= 1+v.Tolerance:
		return fmt.Errorf("regression worth catching %v: want a factor above %v", v.Catch, 1+v.Tolerance)
	case !(v.Alpha > 0 && v.Alpha < 1) || !(v.Beta > 0 && v.Beta < 1):
		return fmt.Errorf("probabilities of a false alarm %v and of a miss %v: want both between 0 and 1", v.Alpha, v.Beta)
	}
	return nil
}

// sides returns the values of both, turned so that higher is worse.
func (v ValueTest) sides(pairs []Pair) (x, y []float64) {
	for _, p := range pairs {
		switch {
		case !finite(p.Canary) || !finite(p.Baseline):
		case v.Worse == Lower:
			x, y = append(x, -p.Canary), append(y, -p.Baseline)
		default:
			x, y = append(x, p.Canary), append(y, p.Baseline)
		}
	}
	return x, y
}

// worsened returns the values made worse by a factor and a slack. A negative
// one, which is nearer to zero when it is worse, is divided: the order of values
// stays.
func (v ValueTest) worsened(y []float64, factor, slack float64) []float64 {
	out := make([]float64, len(y))
	for i, value := range y {
		if value < 0 {
			out[i] = value/factor + slack
		} else {
			out[i] = value*factor + slack
		}
		out[i] = min(out[i], math.MaxFloat64)
	}
	return out
}
