package query

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// mostNewest is how many selectors a query for the newest sample asks for: one would do, but for those that
// find nothing.
const mostNewest = 4

// NewestSample asks when the newest sample was taken that selectors of some rendered queries select, those of
// the first queries first: "" if none of them has one that can be asked for. The value is that time, in
// seconds since the Unix epoch, and not what stands beside it, for that is the time that was asked for with
// any server.
func NewestSample(queries ...string) string {
	var times []string
	for _, text := range queries {
		if complexity(text) != nil {
			continue
		}
		expr, err := promQL.ParseExpr(text)
		if err != nil {
			continue
		}
		for _, s := range Spans(expr) {
			if !hasOneName(s.Selector) {
				continue // series of several names may have the same labels, which timestamp() takes amiss
			}
			plain := &parser.VectorSelector{Name: s.Selector.Name, LabelMatchers: s.Selector.LabelMatchers}
			if each := "timestamp(" + plain.String() + ")"; len(times) < mostNewest && !slices.Contains(times, each) {
				times = append(times, each)
			}
		}
	}
	if len(times) == 0 {
		return ""
	}
	return "max(" + strings.Join(times, " or ") + ")"
}

func hasOneName(s *parser.VectorSelector) bool {
	return slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value != ""
	})
}
