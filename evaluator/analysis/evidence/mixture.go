package evidence

import (
	"math"
	"slices"
)

// mixture weighs the ratios of a grid by how well they explain what was counted.
type mixture struct {
	grid
	log   []float64
	burst float64
}

func (m mixture) logAt(j int) float64 { return m.log[j+m.half] }

// higherThan is the logarithm of the e-value against "the ratio is at(null) or
// less". What penalty gives for a ratio is taken off.
func (m mixture) higherThan(null int, penalty func(j int) float64) float64 {
	return m.logSum(func(j int) (float64, float64) {
		return m.above(j), (m.logAt(j) - m.logAt(null) - penalty(j)) / m.burst
	}, null+1, m.half)
}

// lowerThan is the same against "the ratio is at(null) or more".
func (m mixture) lowerThan(null int) float64 {
	return m.logSum(func(j int) (float64, float64) {
		return m.below(j), (m.logAt(j) - m.logAt(null)) / m.burst
	}, -m.half, null-1)
}

// bounds are the highest ratio that the true one is shown to exceed, and the
// lowest that it is shown to stay under: 0 and +Inf if there is none.
//
// The likelihood is concave in the logarithm of the ratio and the weights are
// those of places, so the ratios that are ruled out have no gaps; the walk from
// either end relies on none being there in any case: to pass the true ratio it
// has to rule that out.
func (m mixture) bounds(alpha, beta float64) (low, high float64) {
	most := slices.Max(m.log)
	weight := func(j int) float64 { return math.Exp((m.logAt(j) - most) / m.burst) }
	higher, lower := 0.0, 0.0
	for j := -m.half; j <= m.half; j++ {
		higher += m.above(j) * weight(j)
		lower += m.below(j) * weight(j)
	}
	high = math.Inf(1)
	for j := -m.half; j < m.half; j++ {
		higher -= m.above(j) * weight(j)
		if !(higher*alpha >= weight(j)) {
			break
		}
		low = m.at(j)
	}
	for j := m.half; j > -m.half; j-- {
		lower -= m.below(j) * weight(j)
		if !(lower*beta >= weight(j)) {
			break
		}
		high = m.at(j)
	}
	return low, high
}

// logSum is log(Σ w·exp(x)) without overflow.
func (m mixture) logSum(term func(j int) (w, x float64), from, to int) float64 {
	most := math.Inf(-1)
	for j := from; j <= to; j++ {
		_, x := term(j)
		most = max(most, x)
	}
	if math.IsInf(most, 0) {
		return most
	}
	sum := 0.0
	for j := from; j <= to; j++ {
		w, x := term(j)
		sum += w * math.Exp(x-most)
	}
	return most + math.Log(sum)
}
