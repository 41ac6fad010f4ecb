package evidence

import (
	"slices"
	"time"
)

// Point is a value and the end of the window it is of.
type Point struct {
	Time  time.Time
	Value float64
}

// Pairs puts the values of the two sides together that are of the same time, and
// takes only those whose windows, each as long as window, do not overlap: the
// first, the next that begins when that one has ended or later, and so on. More
// points coming later never change which were taken. Points that are not finite
// are passed over, so that one missing value costs one window.
func Pairs(canary, baseline []Point, window time.Duration) []Pair {
	of := make(map[int64]float64, len(baseline))
	for _, b := range baseline {
		of[b.Time.UnixNano()] = b.Value
	}
	canary = slices.Clone(canary)
	slices.SortStableFunc(canary, func(a, b Point) int { return a.Time.Compare(b.Time) })
	var out []Pair
	var last time.Time
	for _, c := range canary {
		b, both := of[c.Time.UnixNano()]
		if !both || !finite(b) || !finite(c.Value) {
			continue
		}
		if len(out) > 0 && c.Time.Sub(last) < max(window, 1) {
			continue
		}
		out = append(out, Pair{Canary: c.Value, Baseline: b})
		last = c.Time
	}
	return out
}
