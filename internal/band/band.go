// Package band reads from a measurement where its value had to lie, for those who draw it.
//
// It is pure.
package band

import (
	"math"
	"strconv"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// Band is where the value of a measurement had to lie, ends included; an end that is infinite is open.
type Band struct {
	Low, High float64
	// Known says that there is one: a rule may be of another kind, such as that no alert fires.
	Known bool
}

// Bounds reads it from the rule of a measurement: an interval, or an expectation.
func Bounds(m v1alpha1.Measurement) Band {
	if text, ok := strings.CutPrefix(m.Range, "["); ok {
		interval, _, closed := strings.Cut(text, "]")
		low, high, two := strings.Cut(interval, ", ")
		a, errLow := strconv.ParseFloat(low, 64)
		b, errHigh := strconv.ParseFloat(high, 64)
		return Band{a, b, closed && two && errLow == nil && errHigh == nil}
	}
	rule, _, _ := strings.Cut(m.Range, ",")
	e, mistake := query.ParseExpectation(rule)
	switch {
	case mistake != nil:
		return Band{}
	case e.Success():
		return Band{e.Limit, math.Inf(1), true}
	default:
		return Band{math.Inf(-1), e.Limit, true}
	}
}

// Words says a rule without an infinite end: "[-inf, 2] (1, at most 10% up)" as "at most 2 (1, at most 10%
// up)".
func Words(rule string) string {
	interval, rest, closed := strings.Cut(rule, "]")
	if !closed {
		return rule
	}
	if high, open := strings.CutPrefix(interval, "[-inf, "); open {
		return "at most " + high + rest
	}
	if low, open := strings.CutSuffix(interval, ", inf"); open && strings.HasPrefix(low, "[") {
		return "at least " + low[1:] + rest
	}
	return rule
}

// Number reads a value that can be drawn: the whole text, or what stands before
// the interval that the value lies in.
func Number(value string) (float64, bool) {
	value, _, _ = strings.Cut(value, " [")
	v, err := strconv.ParseFloat(value, 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}
