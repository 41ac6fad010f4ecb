package analysis

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

const (
	maxMessage = 300
	maxQuery   = 2048
)

// Judge says what an answer is worth: whether every value in it lies in the
// metric's range. Of several series the worst stands in the measurement, the
// one farthest out of range or, in range, nearest to its end.
//
// NaN and the infinities lie in no range. A ratio of requests is NaN while
// there are none, so a query that may see no traffic has to say what that means.
func Judge(metric v1alpha1.Metric, at time.Time, o Observation) v1alpha1.Measurement {
	if !o.At.IsZero() {
		at = o.At
	}
	m := v1alpha1.Measurement{
		Time:  metav1.NewTime(at.Truncate(time.Second)),
		Range: rangeText(metric.Range),
		Query: clip(o.Query, maxQuery),
	}
	switch {
	case o.Error != "":
		m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeError, v1alpha1.MeasuredError, o.Error
	case o.WrongType != "":
		m.Outcome, m.Reason = v1alpha1.OutcomeError, v1alpha1.MeasuredWrongType
		m.Message = fmt.Sprintf("the query gave a %s, where a scalar or an instant vector of numbers is wanted", o.WrongType)
	case len(o.Warnings) > 0:
		m.Outcome, m.Reason = v1alpha1.OutcomeError, v1alpha1.MeasuredPartialData
		m.Message = "Prometheus warns of its answer, so it is not judged: " + strings.Join(o.Warnings, "; ")
	case len(o.Series) == 0:
		m.Outcome, m.Reason = v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData
		m.Message = "the query found no series"
	default:
		judgeSeries(&m, metric.Range, o.Series)
	}
	if len(o.Infos) > 0 {
		m.Message += fmt.Sprintf(" (Prometheus remarks: %s)", strings.Join(o.Infos, "; "))
	}
	m.Message = clip(OneLine(m.Message), maxMessage)
	return m
}

func judgeSeries(m *v1alpha1.Measurement, r v1alpha1.Range, series []Series) {
	worst := slices.MaxFunc(series, func(a, b Series) int { return compareBadness(r, a, b) })
	out := 0
	for _, s := range series {
		if reason(r, s.Value) != v1alpha1.MeasuredInRange {
			out++
		}
	}
	m.Value = Number(worst.Value)
	m.Reason = reason(r, worst.Value)
	m.Outcome = v1alpha1.OutcomeFailed
	if m.Reason == v1alpha1.MeasuredInRange {
		m.Outcome = v1alpha1.OutcomePassed
	}
	m.Message = sentence(m.Reason, m.Value, r)
	if len(series) > 1 {
		m.Message = fmt.Sprintf("%d of %d series out of range; the worst, %s: %s", out, len(series), clip(worst.Labels, 120), m.Message)
	}
}

func reason(r v1alpha1.Range, v float64) string {
	switch {
	case math.IsNaN(v):
		return v1alpha1.MeasuredNaN
	case math.IsInf(v, 0):
		return v1alpha1.MeasuredInfinite
	case r.Min != nil && v < *r.Min:
		return v1alpha1.MeasuredBelowMin
	case r.Max != nil && v > *r.Max:
		return v1alpha1.MeasuredAboveMax
	default:
		return v1alpha1.MeasuredInRange
	}
}

func sentence(reason, value string, r v1alpha1.Range) string {
	switch reason {
	case v1alpha1.MeasuredNaN:
		return "the value is NaN, which lies in no range (a ratio is NaN where there are no requests)"
	case v1alpha1.MeasuredInfinite:
		return fmt.Sprintf("the value is %s, which lies in no range", value)
	case v1alpha1.MeasuredBelowMin:
		return fmt.Sprintf("%s is below min %s", value, Number(*r.Min))
	case v1alpha1.MeasuredAboveMax:
		return fmt.Sprintf("%s is above max %s", value, Number(*r.Max))
	default:
		return fmt.Sprintf("%s is in %s", value, rangeText(r))
	}
}

// badness is how far a value lies out of a range, negative inside of it.
func badness(r v1alpha1.Range, v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return math.Inf(1)
	}
	bad := math.Inf(-1)
	if r.Min != nil {
		bad = max(bad, *r.Min-v)
	}
	if r.Max != nil {
		bad = max(bad, v-*r.Max)
	}
	return bad
}

// compareBadness orders series of equal badness by their labels, so that the
// order in which Prometheus sends them does not show.
func compareBadness(r v1alpha1.Range, a, b Series) int {
	switch x, y := badness(r, a.Value), badness(r, b.Value); {
	case x < y:
		return -1
	case x > y:
		return 1
	default:
		return strings.Compare(b.Labels, a.Labels)
	}
}

// Number writes a value as short as it can be read back.
func Number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func rangeText(r v1alpha1.Range) string {
	low, high := "-inf", "inf"
	if r.Min != nil {
		low = Number(*r.Min)
	}
	if r.Max != nil {
		high = Number(*r.Max)
	}
	return "[" + low + ", " + high + "]"
}

// OneLine joins the lines and words of a text that somebody else wrote.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func clip(s string, limit int) string {
	if len(s) <= limit {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
