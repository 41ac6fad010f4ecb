package query

import (
	"math"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// unit is what the values of an expression are in; its zero value is that it does not show.
type unit int

const (
	// shares are from 0 to 1, percents from 0 to 100.
	shares unit = iota + 1
	percents
	seconds
	milliseconds
)

// tone is whether great values are good news.
type tone int

const (
	unknownTone tone = iota
	// wanted values are to be great, as shares of successes are.
	wanted
	// unwanted ones are to be small, as shares of failures and durations are.
	unwanted
)

func (t tone) String() string {
	return map[tone]string{wanted: "great", unwanted: "small"}[t]
}

func (t tone) turned() tone {
	switch t {
	case wanted:
		return unwanted
	case unwanted:
		return wanted
	}
	return unknownTone
}

// possible is what values an expression can have, whatever there is to find; NaN
// aside.
type possible struct {
	low, high float64
	unit      unit
	tone      tone
}

func between(low, high float64) possible { return possible{low: low, high: high} }

// anything is what is said of an expression that nothing is known of.
var (
	anything    = between(math.Inf(-1), math.Inf(1))
	notNegative = between(0, math.Inf(1))
)

// possibleOf reads it from the shape of an expression and the names in it, by the
// conventions for names of metrics. What it does not know may have any value.
func possibleOf(expr parser.Expr) possible {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return possibleOf(e.Expr)
	case *parser.NumberLiteral:
		return between(e.Val, e.Val)
	case *parser.UnaryExpr:
		if e.Op == parser.SUB {
			return possibleOf(e.Expr).times(-1)
		}
		return possibleOf(e.Expr)
	case *parser.VectorSelector:
		return possibleBySelector(e)
	case *parser.MatrixSelector:
		return possibleOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return possibleOf(e.Expr)
	case *parser.AggregateExpr:
		return possibleAggregate(e)
	case *parser.Call:
		return possibleCall(e)
	case *parser.BinaryExpr:
		return possibleBinary(e)
	}
	return anything
}

func possibleAggregate(e *parser.AggregateExpr) possible {
	of := possibleOf(e.Expr)
	switch e.Op {
	case parser.AVG, parser.MIN, parser.MAX, parser.QUANTILE, parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return of
	case parser.GROUP:
		return between(1, 1)
	case parser.COUNT, parser.COUNT_VALUES:
		return between(1, math.Inf(1))
	case parser.STDDEV, parser.STDVAR:
		return notNegative
	case parser.SUM:
		if single(e.Expr) {
			return of
		}
		if of.low >= 0 {
			return notNegative
		}
	}
	return anything
}

func possibleCall(e *parser.Call) possible {
	switch name := e.Func.Name; name {
	case "rate", "increase", "irate", "count_over_time", "changes", "resets", "abs", "histogram_count", "time", "timestamp":
		return notNegative
	case "present_over_time":
		return between(1, 1)
	case "histogram_fraction":
		return fractionOf(e)
	case "histogram_quantile", "histogram_avg":
		return durationsOf(e)
	case "vector", "scalar", "sort", "sort_desc", "label_replace", "label_join",
		"avg_over_time", "min_over_time", "max_over_time", "last_over_time":
		return possibleOf(e.Args[0])
	case "quantile_over_time":
		return possibleOf(e.Args[1])
	case "sum_over_time":
		if possibleOf(e.Args[0]).low >= 0 {
			return notNegative
		}
	}
	return anything
}

func possibleBinary(e *parser.BinaryExpr) possible {
	l, r := possibleOf(e.LHS), possibleOf(e.RHS)
	switch {
	case e.Op.IsComparisonOperator() && e.ReturnBool:
		return between(0, 1)
	case e.Op.IsComparisonOperator(), e.Op == parser.LAND, e.Op == parser.LUNLESS:
		return l
	case e.Op == parser.LOR:
		return l.or(r)
	case e.Op == parser.ADD:
		return possible{low: l.low + r.low, high: l.high + r.high}
	case e.Op == parser.SUB:
		return l.minus(r)
	case e.Op == parser.MUL && l.constant():
		return r.times(l.low)
	case e.Op == parser.MUL && r.constant():
		return l.times(r.low)
	case e.Op == parser.DIV && r.constant() && r.low != 0:
		return l.times(1 / r.low)
	case e.Op == parser.DIV:
		return divided(e, l, r)
	case e.Op == parser.MUL && l.low >= 0 && r.low >= 0:
		return notNegative
	}
	return anything
}

func (p possible) constant() bool { return p.low == p.high && !math.IsInf(p.low, 0) }

// times scales, and shares become percents as seconds become milliseconds.
func (p possible) times(by float64) possible {
	if by == 0 {
		return between(0, 0)
	}
	out := possible{low: p.low * by, high: p.high * by, tone: p.tone}
	if by < 0 {
		out.low, out.high, out.tone = out.high, out.low, p.tone.turned()
	}
	for _, known := range []struct {
		from, to unit
		by       float64
	}{{shares, percents, 100}, {percents, shares, 0.01}, {seconds, milliseconds, 1000}, {milliseconds, seconds, 0.001}} {
		if p.unit == known.from && math.Abs(by/known.by-1) < 1e-9 {
			out.unit = known.to
		}
	}
	if by == 1 {
		out.unit = p.unit
	}
	return out
}

// or is what is either of them. A constant on one side says nothing about the unit.
func (p possible) or(other possible) possible {
	out := possible{low: min(p.low, other.low), high: max(p.high, other.high)}
	switch {
	case p.unit == other.unit && p.tone == other.tone, other.constant():
		out.unit, out.tone = p.unit, p.tone
	case p.constant():
		out.unit, out.tone = other.unit, other.tone
	}
	return out
}

// minus: what is left of all is a share as well, of the others.
func (p possible) minus(other possible) possible {
	out := possible{low: p.low - other.high, high: p.high - other.low}
	whole := map[unit]float64{shares: 1, percents: 100}[other.unit]
	if p.constant() && p.low == whole && whole > 0 {
		out.unit, out.tone = other.unit, other.tone.turned()
	}
	return out
}

// divided tells shares and mean durations from other quotients.
func divided(e *parser.BinaryExpr, l, r possible) possible {
	part, how := counted(e.LHS)
	whole, howWhole := counted(e.RHS)
	switch {
	case part == nil || whole == nil || how != howWhole:
	case partOf(part, whole):
		return possible{low: 0, high: 1, unit: shares, tone: toneOf(part)}
	case bucketOf(part, whole):
		return possible{low: 0, high: 1, unit: shares, tone: wanted}
	case part.Name == strings.TrimSuffix(whole.Name, "_count")+"_sum":
		return named(part.Name, "_sum")
	case toneOf(part) == unwanted && whole.Name != part.Name && hasSuffix(whole.Name, []string{"_total", "_count"}) && hasSuffix(part.Name, []string{"_total", "_count"}):
		return possible{low: 0, high: math.Inf(1), unit: shares, tone: unwanted}
	}
	if l.low >= 0 && r.low >= 0 {
		out := notNegative
		if l.unit == r.unit && l.tone == r.tone && l.unit != 0 { // how many times as much
			out.tone = l.tone
		}
		return out
	}
	return anything
}

// durationsOf is for a function of a histogram.
func durationsOf(e *parser.Call) possible {
	if q := possibleOf(e.Args[0]); e.Func.Name == "histogram_quantile" && q.low > 1 {
		return between(math.Inf(1), math.Inf(1))
	}
	out := anything
	each(e, func(s *parser.VectorSelector, _ []parser.Node) { out = named(s.Name, "_bucket") })
	return out
}

// fractionOf is the share of a histogram between two bounds: of the fast ones where it
// begins at the bottom, of the slow ones where it ends at the top.
func fractionOf(e *parser.Call) possible {
	out := possible{low: 0, high: 1, unit: shares}
	from, to := possibleOf(e.Args[0]), possibleOf(e.Args[1])
	switch {
	case from.high <= 0 && to.high < math.Inf(1):
		out.tone = wanted
	case from.low > 0 && to.low == math.Inf(1):
		out.tone = unwanted
	}
	return out
}
