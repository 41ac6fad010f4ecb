package query

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// counted is the one selector that an expression counts by, and how: sums and rates
// of it. A guard, and a 0 for what is missing, count nothing besides. It is nil for
// all else.
func counted(expr parser.Expr) (s *parser.VectorSelector, how string) {
	switch e := bareExpr(expr).(type) {
	case *parser.VectorSelector:
		return e, ""
	case *parser.AggregateExpr:
		if e.Op == parser.SUM || e.Op == parser.COUNT {
			s, how = counted(e.Expr)
			return s, e.Op.String() + " " + how
		}
	case *parser.Call:
		if len(e.Args) == 0 || !isRate(e) && e.Func.Name != "irate" {
			return nil, ""
		}
		if m, ok := e.Args[0].(*parser.MatrixSelector); ok {
			s, _ = m.VectorSelector.(*parser.VectorSelector)
			return s, e.Func.Name + " " + m.Range.String()
		}
	case *parser.BinaryExpr:
		if e.Op.IsComparisonOperator() && !e.ReturnBool || e.Op == parser.LOR && zero(e.RHS) {
			return counted(e.LHS)
		}
	}
	return nil, ""
}

// zero: 0 times something, or vector(0). It looks no deeper, for what looks at each
// level anew takes the power of their number.
func zero(expr parser.Expr) bool {
	number := func(e parser.Expr) bool {
		n, ok := bareExpr(e).(*parser.NumberLiteral)
		return ok && n.Val == 0
	}
	switch e := bareExpr(expr).(type) {
	case *parser.BinaryExpr:
		return e.Op == parser.MUL && (number(e.LHS) || number(e.RHS))
	case *parser.Call:
		return e.Func.Name == "vector" && number(e.Args[0])
	}
	return false
}

// partOf says whether a selector selects a part of what another does.
func partOf(part, whole *parser.VectorSelector) bool {
	if part.Name != whole.Name || part.Name == "" || part.OriginalOffset != whole.OriginalOffset {
		return false
	}
	return len(more(whole, part)) == 0 && len(more(part, whole)) > 0
}

// more are the matchers of a selector that another has not.
func more(of, than *parser.VectorSelector) []*labels.Matcher {
	var out []*labels.Matcher
	for _, m := range of.LabelMatchers {
		if !slices.ContainsFunc(than.LabelMatchers, func(other *labels.Matcher) bool {
			return m.Type == other.Type && m.Name == other.Name && m.Value == other.Value
		}) {
			out = append(out, m)
		}
	}
	return out
}

// bucketOf says whether a selector is of one bucket of the histograms that another counts:
// the share of what was no slower.
func bucketOf(part, whole *parser.VectorSelector) bool {
	base, bucket := strings.CutSuffix(part.Name, "_bucket")
	bounds := slices.DeleteFunc(more(part, whole), func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel })
	total := slices.DeleteFunc(more(whole, part), func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel })
	return bucket && whole.Name == base+"_count" && len(total) == 0 &&
		len(bounds) == 1 && bounds[0].Name == model.BucketLabel && bounds[0].Type == labels.MatchEqual
}
