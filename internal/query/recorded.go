package query

import (
	"cmp"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// CanarySelectors are the selectors of the query that are about the canary, with
// the names of its pods replaced by a regular expression: what was recorded of
// pods by series that the query reads. Ranges and offsets are left out.
func (t Template) CanarySelectors(v Values, pods string) []string {
	var out []string
	for _, s := range t.Spans(v) {
		if !v.IsCanary(s.Selector) {
			continue
		}
		selector := &parser.VectorSelector{Name: s.Selector.Name}
		for _, m := range s.Selector.LabelMatchers {
			switch {
			case m.Name == cmp.Or(v.Labels.Pod, DefaultPodLabel):
				if m, err := labels.NewMatcher(labels.MatchRegexp, m.Name, pods); err == nil {
					selector.LabelMatchers = append(selector.LabelMatchers, m)
				}
			case m.Name == model.MetricNameLabel && s.Selector.Name != "":
			default:
				m, _ = anySpelling(m)
				selector.LabelMatchers = append(selector.LabelMatchers, m)
			}
		}
		if text := selector.String(); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}
