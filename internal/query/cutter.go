package query

import (
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// Cutter says which windows are cut to the canary's age: plain ranges on the canary,
// and every one that is {{window}}, whatever it is of.
func (t Template) Cutter(v Values, all []Span) func(parser.Expr) bool {
	ranges := map[parser.Expr]bool{}
	for _, s := range all {
		if s.Matrix != nil && s.Direct && v.IsCanary(s.Selector) {
			ranges[s.Matrix] = true
		}
	}
	windows := t.places(Window, v)
	return func(expr parser.Expr) bool {
		if ranges[expr] {
			return true
		}
		from, to := bracket(expr)
		for _, at := range windows {
			if from <= at && at < to {
				return true
			}
		}
		return false
	}
}

// bracket is where the range of a window stands.
func bracket(expr parser.Expr) (from, to int) {
	switch e := expr.(type) {
	case *parser.MatrixSelector:
		return int(e.VectorSelector.PositionRange().End), int(e.EndPos)
	case *parser.SubqueryExpr:
		return int(e.Expr.PositionRange().End), int(e.EndPos)
	}
	return 0, 0
}

// places are where a placeholder stands in the query rendered with some values.
func (t Template) places(p Placeholder, v Values) []int {
	var out []int
	var before strings.Builder
	for _, part := range t.parts {
		if part.placeholder == p {
			out = append(out, before.Len())
		}
		text, err := part.render(v)
		if err != nil {
			return nil
		}
		before.WriteString(text)
	}
	return out
}
