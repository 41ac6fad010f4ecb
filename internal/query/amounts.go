package query

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// A window that is cut to the age of a canary is a shorter one. A rate or an average
// over it is as good as over the whole; an amount, such as increase(…), is smaller, and
// a canary that has done nothing wrong would be found to have done too little. So
// amounts are waited for. A share of two amounts over one window is none.

// amounts looks for the longest window that must be waited for in whole.
type amounts struct {
	// cut says whether a window is cut, of one that ends at a place of the query.
	cut  func(parser.Expr) bool
	wait time.Duration
}

// amount is the window that the value of an expression grows with, zero if it stays the
// same. What varies is waited for.
func (a *amounts) amount(expr parser.Expr) time.Duration {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return a.amount(e.Expr)
	case *parser.UnaryExpr:
		return a.amount(e.Expr)
	case *parser.AggregateExpr:
		return a.aggregated(e)
	case *parser.Call:
		return a.called(e)
	case *parser.BinaryExpr:
		return a.joined(e)
	}
	return 0
}

// whole waits for windows, of values that vary with them.
func (a *amounts) whole(windows ...time.Duration) time.Duration {
	for _, w := range windows {
		a.wait = max(a.wait, w)
	}
	return 0
}

func (a *amounts) called(e *parser.Call) time.Duration {
	out := time.Duration(0)
	for _, arg := range e.Args {
		switch inner := Bare(arg).(type) {
		case *parser.MatrixSelector:
			if a.cut(inner) {
				out = a.overWindow(e, lasts(inner.Range, inner.RangeExpr))
			}
		case *parser.SubqueryExpr: // one on the canary is waited for anyway, and all within it
			a.whole(a.amount(inner.Expr))
			if a.cut(inner) {
				out = a.overWindow(e, lasts(inner.Range, inner.RangeExpr))
			}
		default:
			out = max(out, a.inFunction(e, a.amount(arg)))
		}
	}
	return out
}

func (a *amounts) overWindow(e *parser.Call, window time.Duration) time.Duration {
	kind := overWindow[e.Func.Name]
	if e.Func.Name == "quantile_over_time" && !isWithin(e.Args[0]) {
		kind = varies
	}
	switch kind {
	case stays:
		return 0
	case grows:
		return window
	}
	return a.whole(window)
}

// isWithin says whether a quantile is known to be no extreme.
func isWithin(quantile parser.Expr) bool {
	n, ok := Bare(quantile).(*parser.NumberLiteral)
	return ok && n.Val > 0 && n.Val < 1
}

func (a *amounts) inFunction(e *parser.Call, amount time.Duration) time.Duration {
	switch kind, known := ofAmount[e.Func.Name]; {
	case amount == 0 || known && kind == stays:
		return 0
	case kind == grows:
		return amount
	}
	return a.whole(amount)
}

func (a *amounts) aggregated(e *parser.AggregateExpr) time.Duration {
	if e.Param != nil {
		a.whole(a.amount(e.Param))
	}
	amount := a.amount(e.Expr)
	switch e.Op {
	case parser.COUNT, parser.GROUP: // how many series there are
		return 0
	case parser.SUM, parser.AVG, parser.MIN, parser.MAX, parser.QUANTILE, parser.STDDEV,
		parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return amount
	}
	return a.whole(amount)
}

func (a *amounts) joined(e *parser.BinaryExpr) time.Duration {
	left, right := a.amount(e.LHS), a.amount(e.RHS)
	filled := e.VectorMatching != nil && e.VectorMatching.FillValues != (parser.VectorMatchFillValues{})
	switch {
	case left == 0 && right == 0:
		return 0
	case filled: // by a number that does not grow
	case e.Op == parser.LAND, e.Op == parser.LUNLESS: // of the right it matters what there is
		return left
	case e.Op == parser.LOR, e.Op == parser.ADD, e.Op == parser.SUB:
		if left == right {
			return left
		}
	case e.Op == parser.MUL && (left == 0 || right == 0):
		return max(left, right)
	case e.Op == parser.DIV && right == 0:
		return left
	case e.Op == parser.DIV && left == right: // the same share in a shorter window
		return 0
	case e.Op.IsComparisonOperator() && (left == right || isZero(e.RHS)):
		if !e.ReturnBool {
			return left
		}
		if left == right {
			return 0
		}
	}
	return a.whole(left, right)
}

func isZero(expr parser.Expr) bool {
	n, ok := Bare(expr).(*parser.NumberLiteral)
	return ok && n.Val == 0
}
