package trap

import (
	"math"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/query"
)

// unit is what the values of an expression are in; its zero value is that it does not show.
type unit int

const (
	// shares are from 0 to 1, percents from 0 to 100.
	shares unit = iota + 1
	percents
	seconds
	milliseconds
	// scaled are shares times a number that makes no percent of them.
	scaled
	// timed are seconds times a number that makes no milliseconds of them; amounts of memory, and of other
	// bytes, and CPUs have one too.
	timed
	memory
	stored
	cpus
	// times as much is one amount of bytes by another.
	timesAsMuch
)

// possible is what values an expression can have, whatever there is to find; NaN
// aside.
type possible struct {
	low, high float64
	unit      unit
	tone      tone
	// scale is what all of it is, of scaled shares; what one second, byte or CPU is, of those.
	scale float64
}

// all is what a share of all is in the values, 0 where they are none.
func (p possible) all() float64 {
	return map[unit]float64{shares: 1, percents: 100, scaled: p.scale}[p.unit]
}

// second is what a second is in the values, 0 where they are none.
func (p possible) second() float64 {
	return map[unit]float64{seconds: 1, milliseconds: 1000, timed: p.scale}[p.unit]
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
		if single(e.Expr) || of.unit == memory || of.unit == stored || of.unit == cpus {
			return of
		}
		if of.low >= 0 {
			return notNegative
		}
	}
	return anything
}

func possibleCall(e *parser.Call) possible {
	if s, ok := slopes[e.Func.Name]; ok {
		return s.values(possibleOf(e.Args[0]))
	}
	switch name := e.Func.Name; name {
	case "sin", "cos":
		return between(-1, 1)
	case "rate", "irate":
		return rateOf(e)
	case "increase", "count_over_time", "changes", "resets", "abs", "histogram_count", "time", "timestamp":
		return notNegative
	case "present_over_time":
		return between(1, 1)
	case "histogram_fraction":
		return fractionOf(e)
	case "floor", "ceil", "round", "sgn", "clamp", "clamp_min", "clamp_max":
		return roundedOf(e)
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
		return l.plus(r)
	case e.Op == parser.SUB:
		return difference(e, l, r)
	case e.Op == parser.MUL && l.constant():
		return r.times(l.low)
	case e.Op == parser.MUL && r.constant():
		return l.times(r.low)
	case e.Op == parser.DIV && r.constant() && r.low != 0:
		return l.times(1 / r.low)
	case e.Op == parser.DIV:
		return divided(e, l, r)
	case e.Op == parser.MOD && l.low >= 0 && r.constant() && r.low > 0:
		return between(0, r.low)
	case e.Op == parser.MUL && l.low >= 0 && r.low >= 0:
		return notNegative
	case e.Op == parser.POW && l.low >= 0 && r.constant() && r.low > 0:
		return possible{low: math.Pow(l.low, r.low), high: math.Pow(l.high, r.low), tone: l.tone}
	case e.Op == parser.ATAN2 && r.low >= 0:
		return slopes["atan"].values(possibleBinary(angled(e)))
	}
	return anything
}

// durationsOf is for a function of a histogram.
func durationsOf(e *parser.Call) possible {
	if q := possibleOf(e.Args[0]); e.Func.Name == "histogram_quantile" && q.low > 1 {
		return between(math.Inf(1), math.Inf(1))
	}
	out := anything
	query.Each(e, func(s *parser.VectorSelector, _ []parser.Node) { out = named(s.Name, "_bucket") })
	return out
}

// rateOf: so many seconds of CPUs in a second are so many CPUs.
func rateOf(e *parser.Call) possible {
	out := notNegative
	if m, ok := query.Bare(e.Args[0]).(*parser.MatrixSelector); ok {
		if s, ok := m.VectorSelector.(*parser.VectorSelector); ok && strings.Contains(s.Name, "cpu") && strings.HasSuffix(s.Name, "_seconds_total") {
			out.unit, out.scale = cpus, 1
		}
	}
	return out
}

// fractionOf is the share of a histogram between two bounds: of the fast ones where it
// begins at the bottom, of the slow ones where it ends at the top.
func fractionOf(e *parser.Call) possible {
	out := possible{low: 0, high: 1, unit: shares}
	from, to := possibleOf(e.Args[0]), possibleOf(e.Args[1])
	switch {
	case from.high <= 0 && to.low == math.Inf(1): // there are no durations below 0
		return between(1, 1)
	case from.high <= 0 && to.high < math.Inf(1):
		out.tone = wanted
	case from.low > 0 && to.low == math.Inf(1):
		out.tone = unwanted
	}
	return out
}
