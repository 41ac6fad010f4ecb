package evidence

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

func quotient(a, b float64) float64   { return a / b }
func difference(a, b float64) float64 { return a - b }

// written are all pairings in order, written down.
func written(x, y []float64, compare func(a, b float64) float64) []float64 {
	out := make([]float64, 0, len(x)*len(y))
	for _, a := range x {
		for _, b := range y {
			out = append(out, compare(a, b))
		}
	}
	slices.Sort(out)
	return out
}

// sample makes n values of one of several kinds, all positive for ratios.
func sample(r *rand.Rand, n int, positive bool) []float64 {
	out := make([]float64, n)
	kind := r.IntN(5)
	for i := range out {
		switch kind {
		case 0: // as values of windows are
			out[i] = 100 * math.Exp(r.NormFloat64())
		case 1: // many of them alike
			out[i] = float64(1 + r.IntN(4))
		case 2: // all of them
			out[i] = 7
		case 3: // of any size
			out[i] = numberAt(placeOf(0) + r.Uint64N(placeOf(math.Inf(1))-placeOf(0)))
		case 4: // the least and the greatest
			out[i] = []float64{math.SmallestNonzeroFloat64, 1, math.MaxFloat64}[r.IntN(3)]
		}
		switch {
		case positive:
			out[i] = max(out[i], math.SmallestNonzeroFloat64)
		case r.IntN(3) == 0:
			out[i] = -out[i]
		case r.IntN(5) == 0:
			out[i] = math.Copysign(0, r.NormFloat64())
		}
	}
	return out
}

func TestPairingsAreThoseThatAreWrittenDown(t *testing.T) {
	r := seeded(20)
	for range 500 {
		compare, ratios := difference, r.IntN(2) == 0
		if ratios {
			compare = quotient
		}
		x, y := sample(r, 1+r.IntN(25), ratios), sample(r, 1+r.IntN(25), ratios)
		p, want := newPairings(x, y, compare), written(x, y, compare)
		for k := range want {
			if got := p.at(k); got != want[k] || math.Signbit(got) != (want[k] < 0) {
				t.Fatalf("ratios %v of %v and %v: number %d of %d is %v, want %v", ratios, x, y, k, len(want), got, want[k])
			}
		}
	}
}

// What is found in 64 counts of n and n values, a sort of n·n has no time for.
func TestAPairingIsFoundInFewComparisons(t *testing.T) {
	const n = 1000
	r, made := seeded(21), 0
	p := newPairings(sample(r, n, true), sample(r, n, true), func(a, b float64) float64 { made++; return a / b })
	for _, k := range []int{0, n * n / 2, n*n - 1} {
		made = 0
		p.at(k)
		if most := 2 + 64*2*n; made > most {
			t.Errorf("number %d took %d comparisons, want %d at most", k, made, most)
		}
	}
}

func TestManyWindowsTakeLittleMemory(t *testing.T) {
	const windows, most = 3000, 8 << 20
	pairs := noisy(seeded(13), windows, 120, 100, 0.4)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	valued(t, latency(), pairs)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > most {
		t.Errorf("%d windows took %d KiB all in all, want %d at most", windows, took>>10, most>>10)
	}
}

func TestPlacesAreInTheOrderOfNumbers(t *testing.T) {
	numbers := []float64{math.Inf(-1), -math.MaxFloat64, -1, -math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0, math.SmallestNonzeroFloat64, 1, math.MaxFloat64, math.Inf(1)}
	for i, v := range numbers {
		if got := numberAt(placeOf(v)); got != v || math.Signbit(got) != math.Signbit(v) {
			t.Errorf("%v comes back as %v", v, got)
		}
		if i > 0 && placeOf(numbers[i-1]) >= placeOf(v) {
			t.Errorf("%v does not come before %v", numbers[i-1], v)
		}
	}
}
