package analysis

import (
	"fmt"
	"math"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// limits are where a value must lie. NaN and the infinities lie nowhere.
type limits struct {
	v1alpha1.Range
	// open says that the ends themselves are outside.
	open bool
}

// reason is why a value is out of the limits; InRange if it is not.
func (l limits) reason(v float64) string {
	switch {
	case math.IsNaN(v):
		return v1alpha1.MeasuredNaN
	case math.IsInf(v, 0):
		return v1alpha1.MeasuredInfinite
	case l.Min != nil && (v < *l.Min || l.open && v == *l.Min):
		return v1alpha1.MeasuredBelowMin
	case l.Max != nil && (v > *l.Max || l.open && v == *l.Max):
		return v1alpha1.MeasuredAboveMax
	default:
		return v1alpha1.MeasuredInRange
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// far is how far a value lies out of the limits, negative inside of them.
func (l limits) far(v float64) float64 {
	if !finite(v) {
		return math.Inf(1)
	}
	far := math.Inf(-1)
	if l.Min != nil {
		far = max(far, *l.Min-v)
	}
	if l.Max != nil {
		far = max(far, v-*l.Max)
	}
	return far
}

// text writes the limits as an interval.
func (l limits) text() string {
	low, high := "-inf", "inf"
	if l.Min != nil {
		low = Number(*l.Min)
	}
	if l.Max != nil {
		high = Number(*l.Max)
	}
	return "[" + low + ", " + high + "]"
}

// say tells where a value lies, in the words of a range.
func (l limits) say(v float64) string {
	value := Number(v)
	switch l.reason(v) {
	case v1alpha1.MeasuredNaN:
		return "the value is NaN, which lies in no range (a ratio is NaN where there are no requests)"
	case v1alpha1.MeasuredInfinite:
		return fmt.Sprintf("the value is %s, which lies in no range", value)
	case v1alpha1.MeasuredBelowMin:
		return fmt.Sprintf("%s is below min %s", value, Number(*l.Min))
	case v1alpha1.MeasuredAboveMax:
		return fmt.Sprintf("%s is above max %s", value, Number(*l.Max))
	default:
		return fmt.Sprintf("%s is in %s", value, l.text())
	}
}
