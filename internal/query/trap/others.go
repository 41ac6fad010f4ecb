package trap

import (
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/query"
)

// otherFactor: of two shares of failures the product is less than each, so that the other
// pods, which are good, make the canary's share small.
func otherFactor(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		if b.Op != parser.MUL {
			return
		}
		left, right := l.podsIn(b.LHS), l.podsIn(b.RHS)
		if len(left) == 0 || len(right) == 0 || slices.Contains(left, ofCanary) == slices.Contains(right, ofCanary) {
			return
		}
		for _, side := range []parser.Expr{b.LHS, b.RHS} {
			if values := possibleOf(side); values.all() == 0 || values.tone != unwanted {
				return
			}
		}
		out = append(out, caught{b, fmt.Sprintf("the share of failures of %s times that of %s is small however bad the canary is; take their difference, or their quotient", joinedPods(left), joinedPods(right))})
	})
	return out
}

// podsIn are those that the selectors of an expression are of, each once.
func (l looked) podsIn(expr parser.Expr) []string {
	var out []string
	for _, s := range selectorsIn(expr) {
		if pods := l.pods(s); !slices.Contains(out, pods) {
			out = append(out, pods)
		}
	}
	slices.Sort(out)
	return out
}

// instead says of which other pods a value is where there is none of the canary, "" if an
// operator gives none. What something is divided by may be another's.
func (l looked) instead(b *parser.BinaryExpr, path []parser.Node) string {
	if b.Op != parser.LOR || !single(b.LHS) && !emptyMatch(b) || !l.counts(b.LHS) {
		return ""
	}
	var node parser.Node = b
	for _, around := range slices.Backward(path) {
		if e, ok := around.(*parser.BinaryExpr); ok && e.RHS == node && (e.Op == parser.DIV || takesLeft(e) && e.Op != parser.LOR) {
			return ""
		}
		node = around
	}
	others := l.podsIn(b.RHS)
	if len(others) == 0 || slices.Contains(others, ofCanary) {
		return ""
	}
	return joinedPods(others)
}
