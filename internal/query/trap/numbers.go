package trap

import (
	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// depth is how deep numbers are written within each other.
const depth = 8

// numberOf is a number as it is written, as a vector or as a product of such.
func numberOf(expr parser.Expr) (float64, bool) { return numberWithin(expr, depth) }

func numberWithin(expr parser.Expr, depth int) (float64, bool) {
	if depth == 0 {
		return 0, false
	}
	switch e := query.Bare(expr).(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.UnaryExpr:
		value, ok := numberWithin(e.Expr, depth-1)
		if e.Op == parser.SUB {
			value = -value
		}
		return value, ok
	case *parser.Call:
		if e.Func.Name == "vector" || e.Func.Name == "scalar" {
			return numberWithin(e.Args[0], depth-1)
		}
	case *parser.BinaryExpr:
		left, ok := numberWithin(e.LHS, depth-1)
		if !ok {
			return 0, false
		}
		right, ok := numberWithin(e.RHS, depth-1)
		switch e.Op {
		case parser.MUL:
			return left * right, ok
		case parser.DIV:
			return left / right, ok
		}
	}
	return 0, false
}

// zero: 0 times something, or vector(0). It looks no deeper, for what looks at each
// level anew takes the power of their number.
func zero(expr parser.Expr) bool {
	number := func(e parser.Expr) bool {
		n, ok := query.Bare(e).(*parser.NumberLiteral)
		return ok && n.Val == 0
	}
	switch e := query.Bare(expr).(type) {
	case *parser.BinaryExpr:
		return e.Op == parser.MUL && (number(e.LHS) || number(e.RHS))
	case *parser.Call:
		return e.Func.Name == "vector" && number(e.Args[0])
	}
	return false
}
