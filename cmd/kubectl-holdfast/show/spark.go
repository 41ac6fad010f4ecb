package show

import (
	"math"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/band"
)

// The letters of a sparkline.
const (
	levels      = "▁▂▃▄▅▆▇█"
	aboveBand   = "▲"
	belowBand   = "▼"
	otherwise   = "!" // failed by something else than an interval
	noData      = "·"
	notAnswered = "x"

	// Legend says what the letters of a sparkline mean.
	Legend = levels + " within what is wanted, " + aboveBand + " above it, " + belowBand + " below it, " +
		otherwise + " failed otherwise, " + noData + " no data, " + notAnswered + " error"
)

// Spark draws the last measurements of a metric, a letter each, the newest last. Where a value had to lie
// between two ends, the lowest letter is the one and the highest the other; an end that is open is that of
// the values, or zero if they are all above it.
func Spark(last []v1alpha1.Measurement) string {
	low, high := scaleOf(last)
	letters := []rune(levels)
	out := ""
	for _, m := range last {
		value, isNumber := band.Number(m.Value)
		within := band.Bounds(m)
		switch {
		case m.Outcome == v1alpha1.OutcomeError:
			out += notAnswered
		case m.Outcome == v1alpha1.OutcomeNoData, !isNumber && m.Outcome != v1alpha1.OutcomeFailed:
			out += noData
		case isNumber && within.Known && value > within.High:
			out += aboveBand
		case isNumber && within.Known && value < within.Low:
			out += belowBand
		case m.Outcome == v1alpha1.OutcomeFailed:
			out += otherwise
		default:
			share := (value - low) / (high - low)
			if math.IsNaN(share) || math.IsInf(share, 0) { // one value, or more than can be told apart
				share = 0
			}
			out += string(letters[min(max(int(share*float64(len(letters))+1e-9), 0), len(letters)-1)])
		}
	}
	return out
}

// scaleOf is what the lowest and the highest letter stand for: the ends of the newest band, and where those
// are open the least and the greatest value within.
func scaleOf(last []v1alpha1.Measurement) (low, high float64) {
	least, greatest := math.Inf(1), math.Inf(-1)
	newest := band.Band{Low: math.Inf(-1), High: math.Inf(1)}
	for _, m := range last {
		if b := band.Bounds(m); b.Known {
			newest = b
		}
		if v, ok := band.Number(m.Value); ok && m.Outcome == v1alpha1.OutcomePassed {
			least, greatest = min(least, v), max(greatest, v)
		}
	}
	low, high = newest.Low, newest.High
	if math.IsInf(low, 0) {
		low = min(least, 0)
	}
	if math.IsInf(high, 0) {
		high = greatest
	}
	return low, high
}
