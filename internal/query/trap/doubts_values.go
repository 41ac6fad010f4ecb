package trap

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// sampleOf is the query of a metric with samples for its placeholders.
func sampleOf(m v1alpha1.Metric) (parser.Expr, bool) {
	if m.Query == "" {
		return nil, false
	}
	template, err := query.TemplateOf(v1alpha1.Metric{Query: m.Query, Compare: m.Compare}, "")
	if err != nil {
		return nil, false
	}
	rendered, err := template.Fill(query.SampleValues())
	if err != nil {
		return nil, false
	}
	expr, err := query.ParseNamed(rendered)
	return expr, err == nil
}

// valueDoubts are those about what the values of a query are held against.
func valueDoubts(m v1alpha1.Metric, watched bool) []doubt {
	if m.Compare != nil && m.Compare.Count != nil {
		return append(countDoubts(*m.Compare.Count, watched), comparisonDoubts(*m.Compare)...)
	}
	expr, ok := sampleOf(m)
	if !ok {
		return nil
	}
	values, ok := againstOthers(expr)
	if !ok {
		values = possibleOf(expr)
	}
	switch {
	case !m.Range.IsZero():
		return rangedDoubts(m, expr, values, watched)
	case m.Deviation != nil:
		out := append(deviationDoubts(*m.Deviation, values), coarseDoubts(expr)...)
		return append(out, statusDoubts(directed(m.Deviation.Direction == v1alpha1.DirectionDown, m.Deviation.Direction == v1alpha1.DirectionUp), expr, watched)...)
	case m.Compare != nil:
		out := append(slackDoubts(m.Compare.Slack, values), worseDoubts(m.Compare.Worse, values)...)
		lower := m.Compare.Worse == v1alpha1.WorseLower
		return slices.Concat(out, toleranceDoubts(m.Compare.Tolerance), coarseDoubts(expr), statusDoubts(directed(lower, !lower), expr, watched))
	case m.List != nil:
		return listedDoubts(*m.List, expr)
	}
	return nil
}

// directed is a range with an end where values are worse, wherever it is.
func directed(least, most bool) v1alpha1.Range {
	var out v1alpha1.Range
	if least {
		out.Min = new(float64)
	}
	if most {
		out.Max = new(float64)
	}
	return out
}

// rangedDoubts are those about a query and its range. What a matcher takes is told once.
func rangedDoubts(m v1alpha1.Metric, expr parser.Expr, values possible, watched bool) []doubt {
	out := rangeDoubts(m.Range, values)
	if len(out) == 0 {
		out = slices.Concat(roundingDoubts(m.Range, expr), bestDoubts(m.Range, expr), asideDoubts(expr, watched))
	}
	telling := values.telling(m.Range)
	matched := statusDoubts(telling, expr, watched)
	if len(matched) == 0 {
		matched = labelDoubts(telling, expr)
	}
	return append(out, matched...)
}

func deviationDoubts(d v1alpha1.Deviation, values possible) []doubt {
	by, err := query.ParseAmount(d.By)
	if err != nil {
		return nil
	}
	never := func(field, format string, args ...any) []doubt {
		return []doubt{{doubtEvery, field, fmt.Sprintf(format, args...)}}
	}
	switch down := d.Direction == v1alpha1.DirectionDown; {
	case values.tone == unwanted && down, values.tone == wanted && d.Direction == v1alpha1.DirectionUp:
		return []doubt{{doubtWrongEnd, "deviation.direction", fmt.Sprintf("%s fails the canaries that are better alone: the value is of what is to be %s", d.Direction, values.tone)}}
	case down && by.Value >= 1 && (by.Share || d.From == v1alpha1.FromOne):
		return never("deviation.by", "%s down from what it is compared with is 0 or less, which a value that is not negative never is", d.By)
	case d.From == v1alpha1.FromOne && d.Direction == v1alpha1.DirectionUp && values.high <= 1 && by.Value > 0:
		return never("deviation.from", "the value is %s, and none of it is more than 1; judge it by a range", values.about())
	case by.Share:
		return nil
	case d.From == v1alpha1.FromOne && by.Value >= 1:
		return []doubt{{doubtUnits, "deviation.by", fmt.Sprintf("%s lets a value that should be 1 be anything from %g to %g; a share is written with a percent sign, as in %q", d.By, 1-by.Value, 1+by.Value, d.By+"%")}}
	case values.all() > 0 && by.Value >= lax*values.all() && by.Value < values.all():
		return []doubt{doubtf(doubtLax, "deviation.by", "%s lets the values differ by half of all, or more (%s); a share of what it is compared with is written with a percent sign", d.By, values.about())}
	case by.Value >= values.whole():
		return never("deviation.by", "%s is more than the values can differ by (%s); a share of what it is compared with is written with a percent sign, as in %q", d.By, values.about(), d.By+"%")
	}
	return nil
}

// slackDoubts: of values slack is a number in their unit.
func slackDoubts(slack string, values possible) []doubt {
	amount, err := query.ParseSlack(slack, false)
	switch all := values.all(); {
	case err != nil || amount == 0:
		return nil
	case amount >= lax*all && amount < all:
		return []doubt{doubtf(doubtLax, "compare.slack", "%s lets the canary be worse by half of all, or more (%s)", slack, values.about())}
	case amount < values.whole():
		return nil
	}
	return []doubt{{doubtEvery, "compare.slack", fmt.Sprintf("%s is more than the values can differ by (%s), so that no canary is worse; it is a number in their unit, and not percent", slack, values.about())}}
}

// worseDoubts: what is said to be worse is known from the query to be better.
func worseDoubts(worse v1alpha1.Worse, values possible) []doubt {
	lower, turned := worse == v1alpha1.WorseLower, v1alpha1.WorseLower
	if lower {
		turned = v1alpha1.WorseHigher
	}
	if values.tone == unwanted && lower || values.tone == wanted && !lower {
		return []doubt{{doubtWrongEnd, "compare.worse", fmt.Sprintf("the value is of what is to be %s, so the canaries that are better are taken for worse; write worse: %s", values.tone, turned)}}
	}
	return nil
}

// whole is by how much values can differ, of requests at least sensibly.
func (p possible) whole() float64 {
	switch {
	case p.all() > 0:
		return p.all()
	case p.unit == seconds && p.tone == unwanted:
		return slowestExpected
	case p.unit == milliseconds && p.tone == unwanted:
		return 1000 * slowestExpected
	}
	return math.Inf(1)
}

// by says by which number an amount is multiplied.
func (p possible) by() string {
	if nearlyEqual(p.scale, 1) {
		return ""
	}
	return fmt.Sprintf(" times %.4g", p.scale)
}

// about says for people what values an expression has.
func (p possible) about() string {
	switch p.unit {
	case shares:
		return "a share, from 0 to 1"
	case percents:
		return "a share in percent, from 0 to 100"
	case scaled:
		return fmt.Sprintf("a share times %.4g, from 0 to %.4g", p.scale, p.scale)
	case seconds:
		return "seconds, by the name of the metric"
	case milliseconds:
		return "milliseconds, by the name of the metric"
	case timed:
		return fmt.Sprintf("seconds times %.4g, by the name of the metric", p.scale)
	case memory, stored:
		return "bytes" + p.by() + ", by the name of the metric"
	case cpus:
		return "CPUs" + p.by() + ", by the name of the metric"
	}
	switch {
	case p.constant():
		return fmt.Sprintf("always %g", p.low)
	case math.IsInf(p.low, 1):
		return "infinite, for a quantile is from 0 to 1; P99 is 0.99"
	case p.low == 0 && math.IsInf(p.high, 1):
		return "never negative"
	case p.high == 0 && math.IsInf(p.low, -1):
		return "never positive"
	case math.IsInf(p.high, 1):
		return fmt.Sprintf("never less than %g", p.low)
	}
	return fmt.Sprintf("from %g to %g", p.low, p.high)
}
