package world

import "math"

// large is the mean above which the normal distribution stands in.
const large = 30

// poisson draws a number of events with a mean.
func (g *generator) poisson(mean float64) float64 {
	switch {
	case mean <= 0:
		return 0
	case mean > large:
		return max(0, math.Round(mean+math.Sqrt(mean)*g.NormFloat64()))
	}
	limit, product, n := math.Exp(-mean), g.Float64(), 0.0
	for product > limit {
		product *= g.Float64()
		n++
	}
	return n
}

// binomial draws how many of n happen. Few are drawn by the gaps between them.
func (g *generator) binomial(n, p float64) float64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case n*p > large && n*(1-p) > large:
		return min(n, max(0, math.Round(n*p+math.Sqrt(n*p*(1-p))*g.NormFloat64())))
	}
	step, at, k := math.Log1p(-p), 0.0, 0.0
	for {
		at += 1 + math.Floor(math.Log(1-g.Float64())/step)
		if at > n {
			return k
		}
		k++
	}
}
