package backtest

import (
	"math"
	"strconv"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// band is where the value of a measurement had to lie; an end that is infinite is open.
type band struct {
	low, high float64
	known     bool
}

// bandOf reads it from the rule of a measurement: an interval, or an expectation.
func bandOf(m v1alpha1.Measurement) band {
	if text, ok := strings.CutPrefix(m.Range, "["); ok {
		interval, _, closed := strings.Cut(text, "]")
		low, high, two := strings.Cut(interval, ", ")
		a, errLow := strconv.ParseFloat(low, 64)
		b, errHigh := strconv.ParseFloat(high, 64)
		return band{a, b, closed && two && errLow == nil && errHigh == nil}
	}
	rule, _, _ := strings.Cut(m.Range, ",")
	e, mistake := query.ParseExpectation(rule)
	switch {
	case mistake != nil:
		return band{}
	case e.Success():
		return band{e.Limit, math.Inf(1), true}
	default:
		return band{math.Inf(-1), e.Limit, true}
	}
}

// number reads a value that can be drawn: the whole text, or what stands before
// the interval that the value lies in.
func number(value string) (float64, bool) {
	value, _, _ = strings.Cut(value, " [")
	v, err := strconv.ParseFloat(value, 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}
