package query

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"
)

// noCanary: a query that does not look at the canary has the same value whether
// the canary is good or bad.
func noCanary(l looked) []found {
	if l.template.Uses(Canary) || l.template.Uses(Pods) || len(l.spans) == 0 && l.expr.Type() == parser.ValueTypeVector {
		return nil
	}
	return []found{{l.expr, "the query has no {{canary}}, so its value may be the same whether the canary is good or bad; put {{canary}} between the braces of its selectors"}}
}

// missingHidden: a value made for what is missing lets a canary pass that
// nobody scrapes.
func missingHidden(l looked) []found {
	var out []found
	each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		filled := b.VectorMatching != nil && b.VectorMatching.FillValues != (parser.VectorMatchFillValues{})
		call, isCall := bareExpr(b.RHS).(*parser.Call)
		if filled || b.Op == parser.LOR && isCall && call.Func.Name == "vector" {
			out = append(out, found{b.RHS, "this makes a value of missing data: a canary that is not scraped looks like one without errors. Leave it out; missing data is no failure, up to noDataLimit"})
		}
	})
	return out
}

// absent: what gives a series only where something is missing gives none where all is well.
func absent(l looked) []found {
	var out []found
	each(l.expr, func(c *parser.Call, _ []parser.Node) {
		if c.Func.Name == "absent" || c.Func.Name == "absent_over_time" {
			out = append(out, found{c, fmt.Sprintf(
				"%s(…) gives no series while the data is there, which counts as no data and never passes; use count(…) with a min instead", c.Func.Name)})
		}
	})
	return out
}

// filter: a comparison takes the series away for which it does not hold, so one
// side of it is no data and never a failure.
func filter(l looked) []found {
	var out []found
	each(l.expr, func(b *parser.BinaryExpr, path []parser.Node) {
		if b.Op.IsComparisonOperator() && !b.ReturnBool && b.Type() == parser.ValueTypeVector && !guards(b, path) {
			out = append(out, found{b, "this comparison leaves out the series for which it is not true, and what is left out is no data instead of a failure; compare by range, or write “bool” behind the operator"})
		}
	})
	return out
}

// guards: on the right of and, unless or a division a filter is meant to take away.
func guards(node parser.Node, path []parser.Node) bool {
	for i := len(path) - 1; i >= 0; i-- {
		if b, ok := path[i].(*parser.BinaryExpr); ok && b.RHS == node {
			switch b.Op {
			case parser.LAND, parser.LUNLESS, parser.DIV:
				return true
			}
		}
		node = path[i]
	}
	return false
}

// nan: a share of no requests is NaN, which lies in no range.
func nan(l looked) []found {
	var out []found
	guarded := false
	each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		guarded = guarded || b.Op == parser.LAND
	})
	each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		if guarded || b.Op != parser.DIV || !mayBeZero(b.RHS) {
			return
		}
		out = append(out, found{b.RHS, "without traffic this divides by zero, and NaN lies in no range: it is a failure. Write the divisor as (… > 0), which makes it no data"})
	})
	return out
}

// mayBeZero: a rate, or what is made of rates, that no comparison guards.
func mayBeZero(expr parser.Expr) bool {
	rates, compared := false, false
	each(expr, func(c *parser.Call, _ []parser.Node) {
		rates = rates || isRate(c) || c.Func.Name == "irate"
	})
	each(expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		compared = compared || b.Op.IsComparisonOperator() && !b.ReturnBool
	})
	return rates && !compared
}

func isRate(c *parser.Call) bool { return c.Func.Name == "rate" || c.Func.Name == "increase" }
