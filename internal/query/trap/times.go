package trap

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// times is by what a share is multiplied where one count is divided by another: 1, 100 for
// percent, or what comes of different times, a 120th of a rate by an increase over 2m. It
// is not ok where that is meant by nobody, or not known: of a rate by a bare counter.
func times(part, whole count) (by float64, ok bool) {
	by = part.factor / whole.factor
	if part.over == whole.over && part.window == whole.window {
		return by, true
	}
	above, below := part.spans(), whole.spans()
	if above == 0 || below == 0 {
		return 0, false
	}
	by *= above / below
	return by, above == below || nearlyEqual(math.Abs(by), 1) || nearlyEqual(math.Abs(by), 100)
}

// spans is of how many seconds an expression counts all, 1 of a rate; 0 is not known.
func (c count) spans() float64 {
	switch c.over {
	case "rate", "irate", "deriv":
		return 1
	case "increase", "delta":
		return c.window.Seconds()
	}
	return 0
}

func nearlyEqual(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }

// addend is what an expression adds or subtracts.
type addend struct {
	count
	expr parser.Expr
	// taken says that it is subtracted.
	taken bool
}

// addends are the sides of sums and differences of vectors, or the expression itself, each
// times the numbers around it. A sum of what is in one or another vector is a sum of both, and
// of what is not in another a difference.
func addends(expr parser.Expr) []addend {
	switch e := query.Bare(expr).(type) {
	case *parser.UnaryExpr:
		if e.Op == parser.SUB {
			return multiplied(addends(e.Expr), -1)
		}
		return addends(e.Expr)
	case *parser.AggregateExpr:
		if b, ok := query.Bare(e.Expr).(*parser.BinaryExpr); ok && e.Op == parser.SUM && joins(b) {
			side := func(of parser.Expr) parser.Expr {
				return &parser.AggregateExpr{Op: e.Op, Expr: of, Grouping: e.Grouping, Without: e.Without, PosRange: e.PosRange}
			}
			return both(side(b.LHS), side(b.RHS), b.Op == parser.LUNLESS)
		}
	case *parser.BinaryExpr:
		return addendsOf(e)
	}
	return []addend{{count: counted(expr), expr: expr}}
}

// joins says whether an operator makes one vector of what is in two, or not in the second.
func joins(b *parser.BinaryExpr) bool {
	return (b.Op == parser.LOR && !zero(b.RHS) || b.Op == parser.LUNLESS) && !b.VectorMatching.On
}

func addendsOf(e *parser.BinaryExpr) []addend {
	left, leftKnown := numberOf(e.LHS)
	right, rightKnown := numberOf(e.RHS)
	switch {
	case leftKnown && rightKnown:
	case !leftKnown && !rightKnown && (e.Op == parser.ADD || e.Op == parser.SUB):
		return both(e.LHS, e.RHS, e.Op == parser.SUB)
	case e.Op == parser.MUL && leftKnown:
		return multiplied(addends(e.RHS), left)
	case e.Op == parser.MUL && rightKnown:
		return multiplied(addends(e.LHS), right)
	case e.Op == parser.DIV && rightKnown && right != 0:
		return multiplied(addends(e.LHS), 1/right)
	case e.Op.IsComparisonOperator() && !e.ReturnBool && rightKnown && right == 0: // a guard
		return addends(e.LHS)
	}
	return []addend{{count: counted(e), expr: e}}
}

func multiplied(all []addend, by float64) []addend {
	for i := range all {
		all[i].factor *= by
	}
	return all
}

func both(left, right parser.Expr, taken bool) []addend {
	out, others := addends(left), addends(right)
	for i := range others {
		others[i].taken = others[i].taken != taken
	}
	return append(out, others...)
}
