package main

import (
	"fmt"
	"math"
	"slices"
)

// lags are how late rounds were counted: how many were no later than each bound.
type lags []within

type within struct {
	bound float64 // seconds
	n     float64
}

// lagsOf are those of a histogram between two moments.
func lagsOf(name string, from, to scraped) lags {
	before := map[float64]float64{}
	for _, m := range from[name].GetMetric() {
		for _, b := range m.GetHistogram().GetBucket() {
			before[b.GetUpperBound()] += float64(b.GetCumulativeCount())
		}
	}
	var out lags
	for _, m := range to[name].GetMetric() {
		for _, b := range m.GetHistogram().GetBucket() {
			out = append(out, within{b.GetUpperBound(), float64(b.GetCumulativeCount()) - before[b.GetUpperBound()]})
		}
	}
	slices.SortFunc(out, func(a, b within) int { return int(math.Copysign(1, a.bound-b.bound)) })
	return out
}

// rounds is how many were counted.
func (l lags) rounds() float64 {
	if len(l) == 0 {
		return 0
	}
	return l[len(l)-1].n
}

// share is the bound that so many percent of rounds kept.
func (l lags) share(percent float64) string {
	for i, each := range l {
		if each.n >= l.rounds()*percent/100 {
			if math.IsInf(each.bound, 1) && i > 0 {
				return fmt.Sprintf("> %g s", l[i-1].bound)
			}
			return fmt.Sprintf("≤ %g s", each.bound)
		}
	}
	return "-"
}
