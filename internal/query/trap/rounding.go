package trap

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
)

// Functions that make a step of a slope, or cut it.

// roundedOf is what values such a function gives.
func roundedOf(e *parser.Call) possible {
	of := possibleOf(e.Args[0])
	each := func(f func(float64) float64) possible {
		of.low, of.high = f(of.low), f(of.high)
		return of
	}
	switch e.Func.Name {
	case "floor":
		return each(math.Floor)
	case "ceil":
		return each(math.Ceil)
	case "round":
		if to := stepOf(e); to > 0 {
			of.low, of.high = math.Floor(of.low/to)*to, math.Ceil(of.high/to)*to
			return of
		}
	case "sgn":
		return possible{low: sign(of.low), high: sign(of.high), tone: of.tone}
	case "clamp", "clamp_min", "clamp_max":
		if low, high := clampOf(e); low <= high {
			return each(func(v float64) float64 { return min(max(v, low), high) })
		}
	}
	return anything
}

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// stepOf is to what round(…) rounds, 0 where it is not written there.
func stepOf(e *parser.Call) float64 {
	if len(e.Args) < 2 {
		return 1
	}
	to, _ := numberOf(e.Args[1])
	return to
}

// clampOf are the bounds of a clamp, infinite where it has none or does not say it.
func clampOf(e *parser.Call) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	switch e.Func.Name {
	case "clamp":
		return numberOr(e.Args[1], low), numberOr(e.Args[2], high)
	case "clamp_min":
		low = numberOr(e.Args[1], low)
	case "clamp_max":
		high = numberOr(e.Args[1], high)
	}
	return low, high
}
