package trap

import (
	"cmp"
	"math"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// A range may be told of the values within a function from that of its own: floor(x) is at
// most 0.05 for every x below 1, and 100 * x at most 5 for every x up to 0.05.

// within is where values lie, and what has made steps of them on the way from there, or has
// moved them, "" if nothing has.
type within struct {
	low, high float64
	by        string
	// compared says that it was a comparison.
	compared bool
}

// unwrap is the expression within the functions and numbers around it, and where its
// values lie whenever those of the whole lie within given ends.
func unwrap(expr parser.Expr, ends within) (parser.Expr, within) {
	for {
		var of parser.Expr
		next, ok := ends, false
		switch e := query.Bare(expr).(type) {
		case *parser.UnaryExpr:
			of, ok = e.Expr, true
			if e.Op == parser.SUB {
				next.low, next.high = -ends.high, -ends.low
			}
		case *parser.AggregateExpr: // what each of them keeps, their average keeps
			of, ok = e.Expr, slices.Contains([]parser.ItemType{parser.AVG, parser.MIN, parser.MAX}, e.Op)
		case *parser.SubqueryExpr:
			of, ok = e.Expr, true
		case *parser.Call:
			of, next, ok = unwrapCall(e, ends)
		case *parser.BinaryExpr:
			of, next, ok = unwrapBinary(e, ends)
		}
		if !ok || math.IsNaN(next.low) || math.IsNaN(next.high) {
			return expr, ends
		}
		expr, ends = of, next
	}
}

func unwrapCall(e *parser.Call, ends within) (parser.Expr, within, bool) {
	low, high := ends.low, ends.high
	if s, ok := slopes[e.Func.Name]; ok {
		return e.Args[0], within{low: s.back(low), high: s.back(high), by: e.Func.Name + "(…)"}, true
	}
	switch e.Func.Name {
	case "floor":
		low, high = math.Ceil(low), math.Floor(high)+1
	case "ceil":
		low, high = math.Ceil(low)-1, math.Floor(high)
	case "round":
		to := stepOf(e)
		if to <= 0 {
			return nil, ends, false
		}
		low, high = (math.Ceil(low/to)-0.5)*to, (math.Floor(high/to)+0.5)*to
	case "sgn":
		low, high = beforeSign(low, high)
	case "clamp", "clamp_min", "clamp_max":
		least, most := clampOf(e)
		if least >= low {
			low = math.Inf(-1)
		}
		if most <= high {
			high = math.Inf(1)
		}
	case "avg_over_time", "min_over_time", "max_over_time", "last_over_time", "scalar", "sort", "sort_desc", "label_replace", "label_join":
		return e.Args[0], ends, true
	default:
		return nil, ends, false
	}
	return e.Args[0], within{low: low, high: high, by: e.Func.Name + "(…)"}, true
}

// beforeSign: the ends of what has a sign between these.
func beforeSign(low, high float64) (float64, float64) {
	switch {
	case low <= -1:
		low = math.Inf(-1)
	case low <= 1:
		low = 0
	}
	switch {
	case high >= 1:
		high = math.Inf(1)
	case high >= -1:
		high = 0
	}
	return low, high
}

func unwrapBinary(e *parser.BinaryExpr, ends within) (parser.Expr, within, bool) {
	if takesLeft(e) {
		return e.LHS, ends, true
	}
	if e.Op == parser.ATAN2 {
		angle := slopes["atan"]
		return angled(e), within{low: angle.back(ends.low), high: angle.back(ends.high), by: "atan2"}, true
	}
	left, known := numberOf(e.LHS)
	right, ok := numberOf(e.RHS)
	switch {
	case known == ok: // of two vectors, or none
		return nil, ends, false
	case e.Op.IsComparisonOperator() && e.ReturnBool:
		return unwrapTruth(e, left+right, known, ends)
	case known:
		return unwrapRight(e, left, ends)
	}
	of, next := e.LHS, ends
	switch {
	case e.Op == parser.ADD:
		next = ends.shifted(-right)
	case e.Op == parser.SUB:
		next = ends.shifted(right)
	case e.Op == parser.MUL && right != 0:
		next = ends.over(right)
	case e.Op == parser.DIV && right != 0:
		next = ends.over(1 / right)
	case e.Op == parser.POW && right > 0 && ends.high > 0:
		next.by = "a power"
		next.low, next.high = math.Pow(max(ends.low, 0), 1/right), math.Pow(ends.high, 1/right)
	default:
		return nil, ends, false
	}
	return of, next, true
}

// takesLeft says whether an operator leaves the values of its left side as they are, or
// leaves them out.
func takesLeft(e *parser.BinaryExpr) bool {
	switch {
	case e.Op == parser.LAND, e.Op == parser.LUNLESS, e.Op == parser.LOR && zero(e.RHS):
		return true
	}
	return e.Op.IsComparisonOperator() && !e.ReturnBool && e.LHS.Type() == parser.ValueTypeVector
}

// unwrapRight is of what stands right of a number.
func unwrapRight(e *parser.BinaryExpr, number float64, ends within) (parser.Expr, within, bool) {
	next := ends
	switch {
	case e.Op == parser.ADD:
		next = ends.shifted(-number)
	case e.Op == parser.SUB:
		next.low, next.high = number-ends.high, number-ends.low
		if all := possibleOf(e.RHS).all(); all > 0 && !nearlyEqual(number, all) { // other than what is left
			next.by = cmp.Or(ends.by, "the number that it is taken from")
		}
	case e.Op == parser.MUL && number != 0:
		next = ends.over(number)
	default:
		return nil, ends, false
	}
	return e.RHS, next, true
}

// shifted are the ends before a number was taken off, or added.
func (w within) shifted(by float64) within {
	w.low, w.high = w.low+by, w.high+by
	switch {
	case by > 0:
		w.by = cmp.Or(w.by, "the number that is taken off")
	case by < 0:
		w.by = cmp.Or(w.by, "the number that is added")
	}
	return w
}

// over divides both ends.
func (w within) over(by float64) within {
	w.low, w.high = w.low/by, w.high/by
	if by < 0 {
		w.low, w.high = w.high, w.low
	}
	return w
}

// unwrapTruth: a truth must be one, or zero, to lie within the ends.
func unwrapTruth(e *parser.BinaryExpr, number float64, numberLeft bool, ends within) (parser.Expr, within, bool) {
	of, greater := e.LHS, e.Op == parser.GTR || e.Op == parser.GTE
	if numberLeft {
		of, greater = e.RHS, e.Op == parser.LSS || e.Op == parser.LTE
	}
	mustBe := ends.low > 0
	switch {
	case e.Op == parser.EQLC || e.Op == parser.NEQ, mustBe == (ends.high < 1):
		return nil, ends, false
	case mustBe == greater:
		return of, within{number, math.Inf(1), "the comparison", true}, true
	}
	return of, within{math.Inf(-1), number, "the comparison", true}, true
}
