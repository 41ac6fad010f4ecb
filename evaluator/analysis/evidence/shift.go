package evidence

import (
	"fmt"
	"math"
	"slices"
)

// effect estimates how far the two sides are apart: the median of all ratios of
// a value of the canary's to one of the baseline's (Hodges and Lehmann), and
// bounds by inverting the test at its newest look; x and y are turned so that
// higher is worse.
func (v ValueTest) effect(x, y []float64, worse, notWorse look) EffectSize {
	if v.Worse == Lower {
		x, y = negated(x), negated(y)
	}
	e := EffectSize{Estimate: math.NaN(), Low: math.Inf(-1), High: math.Inf(1)}
	compare := func(a, b float64) float64 { return a / b }
	if len(x) > 0 && min(slices.Min(x), slices.Min(y)) <= 0 {
		e.Difference = true
		compare = func(a, b float64) float64 { return a - b }
	}
	if !e.Difference {
		e.Low = 0
	}
	if len(x) == 0 {
		return e
	}
	all := newPairings(x, y, compare)
	e.Estimate = (all.at((all.size()-1)/2) + all.at(all.size()/2)) / 2
	low, high := worse, notWorse
	if v.Worse == Lower {
		low, high = notWorse, worse
	}
	if n := min(low.at, len(x)); n > 0 {
		if k := cut(n, low.spend); k >= 0 {
			e.Low = newPairings(x[:n], y[:n], compare).at(k)
		}
	}
	if n := min(high.at, len(x)); n > 0 {
		if k := cut(n, high.spend); k >= 0 {
			e.High = newPairings(x[:n], y[:n], compare).at(n*n - 1 - k)
		}
	}
	return e
}

func negated(x []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = -x[i]
	}
	return out
}

// cut is the largest k such that U of two samples of n without ties is k or less
// with probability p or less, -1 if there is none.
func cut(n int, p float64) int {
	if 2*n > exactUpTo {
		variance := float64(n) * float64(n) * float64(2*n+1) / 12
		z := math.Sqrt2 * math.Erfinv(1-2*p)
		return max(-1, int(math.Floor(float64(n*n)/2-0.5-z*math.Sqrt(variance))))
	}
	ranks := make([]int, 2*n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	ways := waysToSum(ranks, n)
	all := 0.0
	for _, w := range ways {
		all += w
	}
	sum, k := 0.0, -1
	for u := 0; u <= n*n; u++ {
		if sum += ways[u+n*(n+1)/2]; sum > p*all {
			break
		}
		k = u
	}
	return k
}

func (v ValueTest) sentence(r Result, x, y []float64) string {
	if len(x) == 0 {
		return "there was no window in which both sides had a value"
	}
	if v.Worse == Lower {
		x, y = negated(x), negated(y)
	}
	low, high := bound{r.State != NotWorse, v.Alpha}, bound{r.State != Worse, v.Beta}
	if v.Worse == Lower {
		low, high = bound{r.State != Worse, v.Beta}, bound{r.State != NotWorse, v.Alpha}
	}
	s := fmt.Sprintf("the canary's median was %s%s, the baseline's %s%s, in %s: %s",
		threeDigits(median(x)), v.Unit, threeDigits(median(y)), v.Unit, windows(len(x)),
		r.Effect.words("as much", v.Unit, low, high))
	if r.State == TooFew {
		s += fmt.Sprintf("; before a pass %s are wanted", windows(v.MinPoints))
	}
	return s + unsettled(r.State)
}

func windows(n int) string {
	if n == 1 {
		return "1 window"
	}
	return fmt.Sprintf("%d windows", n)
}

func median(x []float64) float64 {
	sorted := slices.Sorted(slices.Values(x))
	n := len(sorted)
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}
