package query

import (
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
	for _, s := range t.spans(v) {
		if !v.isCanary(s.selector) {
			continue
		}
		selector := &parser.VectorSelector{Name: s.selector.Name}
		for _, m := range s.selector.LabelMatchers {
			switch {
			case m.Name == orElse(v.Labels.Pod, defaultPodLabel):
				if m, err := labels.NewMatcher(labels.MatchRegexp, m.Name, pods); err == nil {
					selector.LabelMatchers = append(selector.LabelMatchers, m)
				}
			case m.Name == model.MetricNameLabel && s.selector.Name != "":
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
