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

// logMean is the logarithm of Σ weight·exp(log), without overflow.
func logMean(logs []float64, weight func(k int) float64) float64 {
	most := slices.Max(logs)
	if math.IsInf(most, 0) {
		return most
	}
	sum := 0.0
	for k, l := range logs {
		sum += weight(k) * math.Exp(l-most)
	}
	return most + math.Log(sum)
}
