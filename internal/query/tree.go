package query

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// ParseNamed parses a rendered query whose selectors say their name wherever it stands: in
// front of the braces, as {"http.requests"} or as {__name__="http_requests"}.
func ParseNamed(rendered string) (parser.Expr, error) {
	expr, err := promQL.ParseExpr(rendered)
	if err != nil {
		return nil, err
	}
	Each(expr, func(s *parser.VectorSelector, _ []parser.Node) {
		for _, m := range s.LabelMatchers {
			if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
				s.Name = m.Value
			}
		}
	})
	return expr, nil
}

// Each calls visit for every node of a type, with the nodes around it, outermost
// first; they are no longer those when visit has returned.
func Each[T parser.Node](expr parser.Expr, visit func(node T, path []parser.Node)) {
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		if n, ok := node.(T); ok {
			visit(n, path)
		}
		return nil
	})
}

// Bare is an expression without the parentheses around it.
func Bare(expr parser.Expr) parser.Expr {
	for {
		p, ok := expr.(*parser.ParenExpr)
		if !ok {
			return expr
		}
		expr = p.Expr
	}
}
