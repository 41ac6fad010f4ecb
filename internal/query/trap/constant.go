package trap

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// constantOf is the value of an expression whose series all have the same one, whatever
// was measured: 0 * x, x - x, group(x), vector(1). That there are series is another matter.
func constantOf(expr parser.Expr) (float64, bool) {
	switch e := query.Bare(expr).(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.UnaryExpr:
		value, ok := constantOf(e.Expr)
		if e.Op == parser.SUB {
			value = -value
		}
		return value, ok
	case *parser.AggregateExpr:
		return constantAggregation(e)
	case *parser.Call:
		return constantCall(e)
	case *parser.BinaryExpr:
		return constantBinary(e)
	}
	return 0, false
}

// constantAggregation: a sum of nothings is nothing, however many there are.
func constantAggregation(e *parser.AggregateExpr) (float64, bool) {
	if e.Op == parser.GROUP {
		return 1, true
	}
	value, ok := constantOf(e.Expr)
	switch e.Op {
	case parser.MIN, parser.MAX, parser.AVG, parser.QUANTILE, parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return value, ok
	case parser.SUM:
		return value, ok && (value == 0 || math.IsInf(value, 0) || math.IsNaN(value))
	}
	return 0, false
}

func constantCall(e *parser.Call) (float64, bool) {
	switch e.Func.Name {
	case "absent", "absent_over_time", "present_over_time":
		return 1, true
	case "vector", "scalar", "label_replace", "label_join", "sort", "sort_desc", "sort_by_label", "sort_by_label_desc":
		return constantOf(e.Args[0])
	case "clamp_max", "clamp_min": // of what is constant
		value, ok := constantOf(e.Args[0])
		bound, known := constantOf(e.Args[1])
		if e.Func.Name == "clamp_max" {
			return min(value, bound), ok && known
		}
		return max(value, bound), ok && known
	case "clamp":
		low, ok := constantOf(e.Args[1])
		high, known := constantOf(e.Args[2])
		return low, ok && known && low == high
	}
	return 0, false
}

func constantBinary(e *parser.BinaryExpr) (float64, bool) {
	left, ok := constantOf(e.LHS)
	right, known := constantOf(e.RHS)
	switch {
	case e.Op == parser.MUL && (ok && left == 0 || known && right == 0):
		return 0, true
	case e.Op == parser.SUB && same(e.LHS, e.RHS):
		return 0, true
	case e.Op == parser.DIV && same(e.LHS, e.RHS):
		return 1, true
	case e.Op == parser.LAND, e.Op == parser.LUNLESS:
		return left, ok
	case e.Op == parser.LOR:
		return left, ok && known && left == right
	case !ok || !known:
		return 0, false
	}
	switch e.Op {
	case parser.ADD:
		return left + right, true
	case parser.SUB:
		return left - right, true
	case parser.MUL:
		return left * right, true
	case parser.DIV:
		return left / right, true
	}
	return 0, false
}

// same says whether two expressions are written alike.
func same(a, b parser.Expr) bool { return query.Bare(a).String() == query.Bare(b).String() }
