package trap

import (
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// itself: where both sides of a share keep the label that tells the part, a series of
// the part is matched with the same one of all, and divided by itself.
func itself(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		left, right := counted(b.LHS), counted(b.RHS)
		part, whole := left.selector, right.selector
		if b.Op != parser.DIV || b.VectorMatching == nil || part == nil || whole == nil || same(b.LHS, b.RHS) {
			return
		}
		if sameCount(left, right) {
			out = append(out, caught{b, "both sides count the same, so the value is one and the same whatever is measured; select what is judged, by a label, in what is divided"})
			return
		}
		if left.over != right.over || left.window != right.window || !alike(left, right) || !partOf(part, whole) {
			return
		}
		for _, m := range more(part, whole) {
			if !matchedBy(b.VectorMatching, m.Name) || !keeps(b.LHS, m.Name) || !keeps(b.RHS, m.Name) {
				return
			}
		}
		label := more(part, whole)[0].Name
		out = append(out, caught{b, fmt.Sprintf("both sides keep the label %s, so each series is divided by itself and the value is 1, whatever is measured; aggregate it away, as in sum(…) / sum(…)", plaintext.Cut(label, 60))})
	})
	return out
}

func matchedBy(m *parser.VectorMatching, label string) bool {
	return slices.Contains(m.MatchingLabels, label) == m.On
}

// keeps says whether the series of what is counted still have a label of its selector.
func keeps(expr parser.Expr, label string) bool {
	switch e := query.Bare(expr).(type) {
	case *parser.VectorSelector:
		return true
	case *parser.AggregateExpr:
		return slices.Contains(e.Grouping, label) != e.Without && keeps(e.Expr, label)
	case *parser.Call: // the rate of a selector
		return true
	case *parser.BinaryExpr: // a filter, a 0 for what is missing, or times a number
		if e.LHS.Type() == parser.ValueTypeScalar {
			return keeps(e.RHS, label)
		}
		return keeps(e.LHS, label)
	}
	return false
}
