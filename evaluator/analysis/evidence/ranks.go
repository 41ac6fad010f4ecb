package evidence

import (
	"math"
	"slices"
)

// exactUpTo is the size of two samples together up to which the distribution of
// ranks is computed, ties and all. Above it the normal approximation is close,
// and in its tails on the safe side.
const exactUpTo = 26

// MannWhitney returns the U statistic of x over y, the number of pairs in which
// x is larger, a tie counting half; and the probability, if all values are
// exchangeable, of a U as large or larger, and of one as small or smaller. With
// an empty sample both are 1.
//
// Small samples are done exactly, conditional on the ties. Larger ones by the
// normal approximation with the correction for ties and for continuity.
func MannWhitney(x, y []float64) (u, larger, smaller float64) {
	m, n := len(x), len(y)
	if m == 0 || n == 0 {
		return 0, 1, 1
	}
	ranks, ties := midranks(x, y)
	sum := 0
	for _, r := range ranks[:m] {
		sum += r
	}
	u = float64(sum-m*(m+1)) / 2
	if m+n <= exactUpTo {
		larger, smaller = exactTails(ranks, m, sum)
		return u, larger, smaller
	}
	total := float64(m + n)
	variance := float64(m) * float64(n) / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return u, 1, 1
	}
	d, sd := u-float64(m)*float64(n)/2, math.Sqrt(variance)
	return u, normalTail((d - 0.5) / sd), normalTail((-d - 0.5) / sd)
}

// midranks returns twice the mean rank of every value of x, then of y, in the
// two together, which makes them integers; and Σ t³-t over groups of t ties.
func midranks(x, y []float64) (ranks []int, ties float64) {
	all := slices.Concat(x, y)
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case all[a] < all[b]:
			return -1
		case all[a] > all[b]:
			return 1
		}
		return 0
	})
	ranks = make([]int, len(all))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && all[order[to]] == all[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = from + 1 + to
		}
		t := float64(to - from)
		ties += t*t*t - t
		from = to
	}
	return ranks, ties
}

// exactTails are the probabilities that m ranks drawn from all without
// replacement sum up to sum or more, and to sum or less.
func exactTails(ranks []int, m, sum int) (larger, smaller float64) {
	all := 0.0
	for s, w := range waysToSum(ranks, m) {
		all += w
		if s >= sum {
			larger += w
		}
		if s <= sum {
			smaller += w
		}
	}
	return larger / all, smaller / all
}

// waysToSum counts for each sum in how many ways m of the ranks come to it. For
// as many ranks as exactUpTo these are whole numbers below 2^53, and exact.
func waysToSum(ranks []int, m int) []float64 {
	most := 0
	for _, r := range ranks {
		most += r
	}
	ways := make([][]float64, m+1) // ways[k]: for k of the ranks so far
	for k := range ways {
		ways[k] = make([]float64, most+1)
	}
	ways[0][0] = 1
	reach := 0
	for i, r := range ranks {
		reach += r
		for k := min(m, i+1); k >= 1; k-- {
			for s := reach; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	return ways[m]
}

func normalTail(z float64) float64 { return min(1, math.Erfc(z/math.Sqrt2)/2) }
