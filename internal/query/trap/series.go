package trap

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// severalSeries: every series must be in range, so one of many that is not
// meant decides.
func severalSeries(l looked) []caught {
	if single(l.expr) {
		return nil
	}
	return []caught{{l.expr, "the query may give several series, and each of them must be in range; put sum(…), max(…) or the like around it if one value is meant"}}
}

// single says whether an expression gives one series at most, whatever there is.
func single(expr parser.Expr) bool {
	if expr.Type() == parser.ValueTypeScalar {
		return true
	}
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return single(e.Expr)
	case *parser.UnaryExpr:
		return single(e.Expr)
	case *parser.AggregateExpr:
		return !e.Without && len(e.Grouping) == 0 && singleAggregation(e)
	case *parser.Call:
		return singleCall(e)
	case *parser.BinaryExpr:
		return singleBinary(e)
	}
	return false
}

func singleAggregation(e *parser.AggregateExpr) bool {
	switch e.Op {
	case parser.COUNT_VALUES, parser.LIMITK, parser.LIMIT_RATIO:
		return false
	case parser.TOPK, parser.BOTTOMK:
		k, ok := e.Param.(*parser.NumberLiteral)
		return ok && k.Val <= 1
	}
	return true
}

func singleCall(e *parser.Call) bool {
	switch e.Func.Name {
	case "vector", "absent", "absent_over_time":
		return true
	case "histogram_quantile":
		aggregate, ok := query.Bare(e.Args[1]).(*parser.AggregateExpr)
		if ok && !aggregate.Without && slices.Equal(aggregate.Grouping, []string{"le"}) {
			return true
		}
	}
	vectors := 0
	for _, arg := range e.Args {
		switch arg.Type() {
		case parser.ValueTypeVector:
			vectors++
			if !single(arg) {
				return false
			}
		case parser.ValueTypeMatrix:
			subquery, ok := arg.(*parser.SubqueryExpr)
			if !ok || !single(subquery.Expr) {
				return false
			}
			vectors++
		}
	}
	return vectors > 0
}

func singleBinary(e *parser.BinaryExpr) bool {
	left, right := single(e.LHS), single(e.RHS)
	if e.VectorMatching == nil { // one side is a scalar
		return left && right
	}
	switch {
	case e.Op == parser.LAND || e.Op == parser.LUNLESS:
		return left
	case e.Op == parser.LOR:
		return left && right
	case e.VectorMatching.Card == parser.CardManyToOne:
		return left
	case e.VectorMatching.Card == parser.CardOneToMany:
		return right
	default:
		return left || right
	}
}
