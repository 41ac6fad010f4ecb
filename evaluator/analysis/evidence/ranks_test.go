package evidence

import (
	"math"
	"testing"
)

func TestMannWhitneyAgreesWithPublishedResults(t *testing.T) {
	for name, tt := range map[string]struct {
		x, y               []float64
		u, larger, smaller float64
		within             float64
	}{
		"scipy.stats.mannwhitneyu, the example of its documentation": {
			x: []float64{19, 22, 16, 29, 24}, y: []float64{20, 11, 17, 12},
			u: 17, larger: 1.0 / 18, smaller: 61.0 / 63, within: 1e-12,
		},
		"R's wilcox.test, the example of its documentation (Hollander and Wolfe, 69f)": {
			x: []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, y: []float64{1.15, 0.88, 0.90, 0.74, 1.21},
			u: 35, larger: 0.1272, smaller: 1 - 0.1272 + 0.0242, within: 5e-4, // P(U=35) = 73/3003
		},
		"samples that do not overlap: one way of 924": {
			x: []float64{7, 8, 9, 10, 11, 12}, y: []float64{1, 2, 3, 4, 5, 6},
			u: 36, larger: 1.0 / 924, smaller: 1, within: 1e-12,
		},
		"all values alike": {
			x: []float64{3, 3, 3}, y: []float64{3, 3, 3, 3},
			u: 6, larger: 1, smaller: 1, within: 0,
		},
		"all of many values alike": {
			x: make([]float64, 40), y: make([]float64, 40),
			u: 800, larger: 1, smaller: 1, within: 0,
		},
		"nothing": {x: nil, y: []float64{1}, u: 0, larger: 1, smaller: 1},
	} {
		t.Run(name, func(t *testing.T) {
			u, larger, smaller := MannWhitney(tt.x, tt.y)
			if u != tt.u || math.Abs(larger-tt.larger) > tt.within || math.Abs(smaller-tt.smaller) > tt.within {
				t.Errorf("U %v, larger %v, smaller %v; want %v, %v, %v", u, larger, smaller, tt.u, tt.larger, tt.smaller)
			}
		})
	}
}

// The example program of the NAG library's g08amc, with ties: U 86, normal
// statistic -2.8039, tail probability 0.0025, exact 0.0020.
func TestMannWhitneyWithTiesAgreesWithNAG(t *testing.T) {
	x := []float64{13, 6, 12, 7, 12, 7, 10, 7, 10, 7, 16, 7, 10, 8, 9, 8}
	y := []float64{17, 6, 10, 8, 15, 8, 15, 10, 15, 10, 14, 10, 14, 11, 14, 11, 13, 12, 13, 12, 13, 12, 12}
	u, _, smaller := MannWhitney(x, y)
	if u != 86 || math.Abs(smaller-0.0025) > 5e-5 {
		t.Errorf("U %v, normal tail %v; want 86, 0.0025", u, smaller)
	}
	ranks, _ := midranks(x, y)
	sum := 0
	for _, r := range ranks[:len(x)] {
		sum += r
	}
	if _, exact := exactTails(ranks, len(x), sum); math.Abs(exact-0.0020) > 5e-5 {
		t.Errorf("exact tail %v, want 0.0020", exact)
	}
}

// Critical values of U, one-sided, as tables in textbooks have them (for example
// Siegel, Nonparametric Statistics, table K).
func TestCutAgreesWithTheTables(t *testing.T) {
	for _, tt := range []struct {
		n    int
		p    float64
		want int
	}{
		{3, 0.025, -1}, {4, 0.025, 0}, {5, 0.025, 2}, {6, 0.025, 5}, {7, 0.025, 8}, {8, 0.025, 13}, {9, 0.025, 17}, {10, 0.025, 23}, {12, 0.025, 37},
		{4, 0.005, -1}, {5, 0.005, 0}, {6, 0.005, 2}, {7, 0.005, 4}, {8, 0.005, 7}, {9, 0.005, 11}, {10, 0.005, 16}, {12, 0.005, 27},
		{20, 0.025, 127}, {20, 0.005, 104}, // by the normal approximation; the tables have 127 and 105
	} {
		if got := cut(tt.n, tt.p); got != tt.want {
			t.Errorf("cut(%d, %v) = %d, want %d", tt.n, tt.p, got, tt.want)
		}
	}
}

func TestTheNormalApproximationIsOnTheSafeSideInItsTails(t *testing.T) {
	for _, n := range []int{14, 20, 26} {
		ranks := make([]int, 2*n)
		for i := range ranks {
			ranks[i] = 2 * (i + 1)
		}
		ways := waysToSum(ranks, n)
		all, tail := 0.0, 0.0
		for _, w := range ways {
			all += w
		}
		sd := math.Sqrt(float64(n) * float64(n) * float64(2*n+1) / 12)
		for u := 0; u <= n*n/2; u++ {
			tail += ways[2*u+n*(n+1)]
			exact, normal := tail/all, normalTail((float64(n*n)/2-float64(u)-0.5)/sd)
			if exact < 0.005 && normal < exact {
				t.Fatalf("n %d, U %d: normal %v, exact %v", n, u, normal, exact)
			}
			if exact > 1e-3 && math.Abs(normal/exact-1) > 0.5 {
				t.Fatalf("n %d, U %d: normal %v, exact %v", n, u, normal, exact)
			}
		}
	}
}

func TestTheSmallSamplesDistributionIsThatOfAllOrders(t *testing.T) {
	r := seeded(1)
	for range 20 {
		x, y := make([]float64, 4), make([]float64, 3)
		for i := range x {
			x[i] = float64(r.IntN(6))
		}
		for i := range y {
			y[i] = float64(r.IntN(6))
		}
		u, larger, smaller := MannWhitney(x, y)
		all := append(append([]float64{}, x...), y...)
		n, more, less := 0.0, 0.0, 0.0
		for set := range 1 << len(all) {
			var a, b []float64
			for i, v := range all {
				if set>>i&1 == 1 {
					a = append(a, v)
				} else {
					b = append(b, v)
				}
			}
			if len(a) != len(x) {
				continue
			}
			n++
			switch other := byCounting(a, b); {
			case other > u:
				more++
			case other < u:
				less++
			default:
				more++
				less++
			}
		}
		if byCounting(x, y) != u || math.Abs(more/n-larger) > 1e-12 || math.Abs(less/n-smaller) > 1e-12 {
			t.Fatalf("%v and %v: U %v, %v, %v; counted %v, %v, %v", x, y, u, larger, smaller, byCounting(x, y), more/n, less/n)
		}
	}
}

// byCounting is U as Mann and Whitney define it.
func byCounting(x, y []float64) (u float64) {
	for _, a := range x {
		for _, b := range y {
			switch {
			case a > b:
				u++
			case a == b:
				u += 0.5
			}
		}
	}
	return u
}
