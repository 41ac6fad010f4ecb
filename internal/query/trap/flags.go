package trap

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/query"
)

// behindFlags: what is read here is refused by a server without its feature flag, in every round.
func behindFlags(l looked) []caught {
	var out []caught
	add := func(at parser.Node, what, flag string) {
		out = append(out, caught{at, fmt.Sprintf(
			"Prometheus takes %s only with --enable-feature=%s; the status of the plan says whether your server answers", what, flag)})
	}
	query.Each(l.expr, func(c *parser.Call, _ []parser.Node) {
		if c.Func.Experimental {
			add(c, c.Func.Name+"()", "promql-experimental-functions")
		}
	})
	query.Each(l.expr, func(a *parser.AggregateExpr, _ []parser.Node) {
		if a.Op.IsExperimentalAggregator() {
			add(a, a.Op.String()+"()", "promql-experimental-functions")
		}
	})
	query.Each(l.expr, func(s *parser.VectorSelector, _ []parser.Node) {
		if s.Anchored || s.Smoothed {
			add(s, "anchored and smoothed", "promql-extended-range-selectors")
		}
	})
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		if m := b.VectorMatching; m != nil && (m.FillValues.LHS != nil || m.FillValues.RHS != nil) {
			add(b, "fill modifiers", "promql-binop-fill-modifiers")
		}
	})
	return out
}
