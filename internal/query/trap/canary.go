package trap

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// noCanary: a query that does not look at the canary has the same value whether
// the canary is good or bad.
func noCanary(l looked) []caught {
	if !l.template.Uses(query.Canary) && !l.template.Uses(query.Pods) {
		if len(l.spans) == 0 && l.expr.Type() == parser.ValueTypeVector {
			return nil
		}
		return []caught{{l.expr, "the query has no {{canary}}, so its value may be the same whether the canary is good or bad; put {{canary}} between the braces of its selectors"}}
	}
	if asksWhether(l.expr) {
		return nil
	}
	if at := fixedMoment(l.expr); at != nil {
		return []caught{{at, "the modifier @ asks for one moment, which is the same for every canary, and this one was not there; leave it out"}}
	}
	if _, constant := constantOf(l.expr); constant {
		return []caught{{l.expr, "the query gives the same value whatever is measured, whether the canary is good or bad"}}
	}
	if !l.counts(l.expr) {
		return []caught{{l.expr, "the canary's pods stand only where they do not change the value (on the right of or, and, unless, or times zero), so it may be the same whether the canary is good or bad; select by them what is judged"}}
	}
	return nil
}

// fixedMoment is the first part of a query that is of a time that stands in it, nil if there is none.
func fixedMoment(expr parser.Expr) parser.Expr {
	var out parser.Expr
	first := func(e parser.Expr, at *int64) {
		if at != nil && out == nil {
			out = e
		}
	}
	query.Each(expr, func(s *parser.VectorSelector, _ []parser.Node) { first(s, s.Timestamp) })
	query.Each(expr, func(s *parser.SubqueryExpr, _ []parser.Node) { first(s, s.Timestamp) })
	return out
}

// asksWhether says whether a query asks for nothing but whether there is something.
func asksWhether(expr parser.Expr) bool {
	switch e := query.Bare(expr).(type) {
	case *parser.Call:
		return slices.Contains([]string{"absent", "absent_over_time", "present_over_time"}, e.Func.Name)
	case *parser.AggregateExpr:
		return e.Op == parser.GROUP
	}
	return false
}

// counts says whether the value of an expression comes from the canary.
func (l looked) counts(expr parser.Expr) bool {
	if _, constant := constantOf(expr); constant {
		return false
	}
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return l.counts(e.Expr)
	case *parser.UnaryExpr:
		return l.counts(e.Expr)
	case *parser.SubqueryExpr:
		return l.counts(e.Expr)
	case *parser.MatrixSelector:
		return l.counts(e.VectorSelector)
	case *parser.VectorSelector:
		return l.ofCanary(e)
	case *parser.AggregateExpr:
		return l.counts(e.Expr)
	case *parser.Call:
		return slices.ContainsFunc(e.Args, l.counts)
	case *parser.BinaryExpr:
		return l.counts(e.LHS) || l.counts(e.RHS) && l.rightCounts(e)
	}
	return true
}

// rightCounts says whether the right side of an operator has a part in the value. Where
// series are matched by labels, and may be those of the canary alone, it has.
func (l looked) rightCounts(e *parser.BinaryExpr) bool {
	switch {
	case e.Op == parser.LUNLESS:
		return false
	case e.Op == parser.LAND:
		return !single(e.RHS) && !emptyMatch(e)
	case e.Op == parser.LOR:
		return !single(e.LHS) && !emptyMatch(e)
	case e.Op.IsComparisonOperator():
		return e.ReturnBool
	}
	return true
}

func emptyMatch(e *parser.BinaryExpr) bool {
	return e.VectorMatching != nil && e.VectorMatching.On && len(e.VectorMatching.MatchingLabels) == 0
}

// ofCanary says whether a selector is of the canary's pods, or those of a side.
func (l looked) ofCanary(s *parser.VectorSelector) bool {
	return l.ofPods(s, l.values.Canary, l.values.Pods)
}

// ofPods says whether a selector is of the pods of one of these.
func (l looked) ofPods(s *parser.VectorSelector, sides ...[]string) bool {
	return slices.ContainsFunc(sides, func(replicaSets []string) bool {
		return l.values.Selects(s, replicaSets)
	})
}

func selectorsIn(expr parser.Expr) []*parser.VectorSelector {
	var out []*parser.VectorSelector
	query.Each(expr, func(s *parser.VectorSelector, _ []parser.Node) { out = append(out, s) })
	return out
}

// rates says whether something in an expression is a rate, or an amount of what happens.
func rates(expr parser.Expr) bool {
	found := false
	query.Each(expr, func(c *parser.Call, _ []parser.Node) { found = found || isRate(c) || c.Func.Name == "irate" })
	return found
}
