package trap

import (
	"fmt"
	"math"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/query"
)

// missingHidden: a value made for what is missing lets a canary pass that
// nobody scrapes, and so does the value of other pods. One that is infinite fails.
func missingHidden(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(b *parser.BinaryExpr, path []parser.Node) {
		filled := b.VectorMatching != nil && b.VectorMatching.FillValues != (parser.VectorMatchFillValues{})
		value, constant := constantOf(b.RHS)
		if made := b.Op == parser.LOR && constant && !math.IsInf(value, 0) && !math.IsNaN(value); !filled && !made {
			if others := l.instead(b, path); !constant && others != "" {
				out = append(out, caught{b.RHS, fmt.Sprintf("where there is no data of the canary, this is the value of %s: a canary without traffic, or that is not scraped, passes by theirs. Leave it out; missing data is no failure, up to noDataLimit", others)})
			}
			return
		}
		says := "this makes a value of missing data: a canary that is not scraped looks like one without errors. Leave it out; missing data is no failure, up to noDataLimit"
		if len(selectorsIn(b.RHS)) > 0 && !filled {
			says = "this makes a value of what the left side does not find: a selector there that never matches looks like a canary without errors. Leave it out, or let expect or compare.count do it"
		}
		out = append(out, caught{b.RHS, says})
	})
	return out
}

// scalars: of no series, and of several, a scalar is NaN.
func scalars(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(c *parser.Call, _ []parser.Node) {
		if _, constant := constantOf(c); c.Func.Name != "scalar" || constant {
			return
		}
		out = append(out, caught{c, "scalar(…) is NaN where there is no series, or more than one, and NaN lies in no range: missing data is a failure, not missing data. Leave it out, and match with on() where there are two sides"})
	})
	return out
}

// absent: what gives a series only where something is missing gives none where all is well.
func absent(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(c *parser.Call, _ []parser.Node) {
		if c.Func.Name == "absent" || c.Func.Name == "absent_over_time" {
			out = append(out, caught{c, fmt.Sprintf(
				"%s(…) gives no series while the data is there, which counts as no data and never passes; use count(…) with a min instead", c.Func.Name)})
		}
	})
	return out
}

// filter: a comparison takes the series away for which it does not hold, so one
// side of it is no data and never a failure.
func filter(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(b *parser.BinaryExpr, path []parser.Node) {
		if b.Op.IsComparisonOperator() && !b.ReturnBool && b.Type() == parser.ValueTypeVector && !guards(b, path) {
			out = append(out, caught{b, "this comparison leaves out the series for which it is not true, and what is left out is no data instead of a failure; compare by range, or write “bool” behind the operator"})
		}
	})
	return out
}

// guards: on the right of and, unless or a division a filter is meant to take away.
func guards(node parser.Node, path []parser.Node) bool {
	for i := len(path) - 1; i >= 0; i-- {
		if b, ok := path[i].(*parser.BinaryExpr); ok && b.RHS == node {
			switch b.Op {
			case parser.LAND, parser.LUNLESS:
				return !comparesLeft(b)
			case parser.DIV:
				return true
			}
		}
		node = path[i]
	}
	return false
}

// comparesLeft: x and x > 5, like x > 5, keeps and drops by the value that is judged.
func comparesLeft(b *parser.BinaryExpr) bool {
	compared, ok := query.Bare(b.RHS).(*parser.BinaryExpr)
	return ok && compared.Op.IsComparisonOperator() && same(compared.LHS, b.LHS)
}

// nan: a share of no requests is NaN, which lies in no range, and no series where VictoriaMetrics answers.
func nan(l looked) []caught {
	var out []caught
	guarded := false
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		guarded = guarded || b.Op == parser.LAND
	})
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		if guarded || b.Op != parser.DIV || !mayBeZero(b.RHS) {
			return
		}
		out = append(out, caught{b.RHS, "without traffic this divides by zero, and NaN lies in no range: it is a failure, and no data where VictoriaMetrics answers. Write the divisor as (… > 0), which makes it no data everywhere"})
	})
	return out
}

// mayBeZero: a rate, or what is made of rates, that no comparison guards.
func mayBeZero(expr parser.Expr) bool {
	compared := false
	query.Each(expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		compared = compared || b.Op.IsComparisonOperator() && !b.ReturnBool
	})
	return rates(expr) && !compared
}

func isRate(c *parser.Call) bool { return c.Func.Name == "rate" || c.Func.Name == "increase" }
