package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// histogram_quantile gives the end of the last finite bucket for all that lies beyond it,
// so a limit beyond it is never exceeded. The query itself cannot tell the two apart; one
// more can, of the same buckets.

// BeyondBuckets is a query that gives something where a quantile of classic buckets in a
// rendered query lies beyond the last finite one: where less than its share of all is in
// the finite ones together. It is "" for a query without quantiles.
func BeyondBuckets(rendered string) string {
	if !strings.Contains(rendered, "histogram_quantile") {
		return ""
	}
	all, err := promQL.ParseExpr(rendered)
	if err != nil {
		return ""
	}
	finite, err := promQL.ParseExpr(rendered)
	if err != nil {
		return ""
	}
	Each(finite, func(s *parser.VectorSelector, _ []parser.Node) {
		if m, err := labels.NewMatcher(labels.MatchNotEqual, model.BucketLabel, "+Inf"); err == nil {
			s.LabelMatchers = append(slices.Clone(s.LabelMatchers), m)
		}
	})
	quantiles := quantilesIn(finite)
	var out []string
	for i, q := range quantilesIn(all) {
		out = append(out, "count(max without (le) ("+quantiles[i].Args[1].String()+") < "+q.Args[0].String()+" * max without (le) ("+q.Args[1].String()+"))")
	}
	return strings.Join(out, " or ")
}

func quantilesIn(expr parser.Expr) []*parser.Call {
	var out []*parser.Call
	Each(expr, func(c *parser.Call, path []parser.Node) {
		inSubquery := slices.ContainsFunc(path, func(n parser.Node) bool { _, ok := n.(*parser.SubqueryExpr); return ok })
		if c.Func.Name == "histogram_quantile" && !inSubquery {
			out = append(out, c)
		}
	})
	return out
}

// MayBeBound says whether a value may be the bound of a bucket: bounds are written in few
// digits, and a quantile that is interpolated between two hardly ever has so few.
func MayBeBound(value float64) bool {
	const digits = 6
	short, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', digits, 64), 64)
	return err == nil && short == value
}
