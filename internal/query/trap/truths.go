package trap

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// truths: a comparison with bool is 1 or 0. What is multiplied by it is 0 where it does not hold, which looks
// like no failures; and several of them, added or multiplied, are held against a limit that fewer keep.
func truths(l looked) []caught {
	var out []caught
	min, max := l.Range.Min, l.Range.Max
	query.Each(l.expr, func(b *parser.BinaryExpr, path []parser.Node) {
		if related(b, path) || len(out) > 0 {
			return
		}
		left, right := truthsIn(b.LHS, b.Op), truthsIn(b.RHS, b.Op)
		switch n := left + right; {
		case b.Op == parser.MUL && left > 0 && right > 0:
			if max != nil && *max < 1 && (min == nil || *min <= 0) {
				out = append(out, caught{b, fmt.Sprintf(
					"these are %d comparisons, each 1 or 0, and their product is 1 only where all of them hold: where one alone does, max %g is kept. Add them, or write a metric for each", n, *max)})
			}
		case b.Op == parser.MUL && (left > 0 || right > 0):
			zeroKept := (min == nil || *min <= 0) && max != nil && *max >= 0
			value, truth := b.LHS, b.RHS
			if left > 0 {
				value, truth = b.RHS, b.LHS
			}
			if _, number := numberOf(value); zeroKept && !number {
				out = append(out, caught{truth, fmt.Sprintf(
					"this is 1 or 0, and where it is 0 so is the value, which is kept by max %g however bad the canary is. Write … and on() (… > …) without bool, by which it is no data", *max)})
			}
		case b.Op == parser.ADD && left > 0 && right > 0:
			switch {
			case min != nil && *min > 0 && *min <= float64(n-1):
				out = append(out, caught{b, fmt.Sprintf(
					"these are %d comparisons, each 1 or 0, and their sum is kept by min %g where one of them does not hold; write min %d, or a metric for each", n, *min, n)})
			case min == nil && max != nil && *max >= 1 && *max < float64(n):
				out = append(out, caught{b, fmt.Sprintf(
					"these are %d comparisons, each 1 or 0, and their sum is kept by max %g where one of them holds; write max 0, or a metric for each", n, *max)})
			}
		}
	})
	return out
}

// truthsIn is of how many comparisons with bool an expression is the sum, or the product; 0 if of anything
// else too.
func truthsIn(expr parser.Expr, op parser.ItemType) int {
	b, ok := query.Bare(expr).(*parser.BinaryExpr)
	switch {
	case !ok:
		return 0
	case b.Op.IsComparisonOperator() && b.ReturnBool:
		return 1
	case b.Op != op:
		return 0
	}
	left, right := truthsIn(b.LHS, op), truthsIn(b.RHS, op)
	if left == 0 || right == 0 {
		return 0
	}
	return left + right
}
