package trap

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// A bucket counts what was no slower than its bound, so each has in it what those before
// it have. Only one of them is an amount of requests, and the last, le="+Inf", of all.

// isBucket says whether a selector is of buckets, by the name.
func isBucket(s *parser.VectorSelector) bool { return strings.HasSuffix(s.Name, "_bucket") }

// oneBound says whether a selector of buckets names one bound. A pattern that is no list
// of numbers is taken for one.
func oneBound(s *parser.VectorSelector) bool {
	return slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		if m.Name != model.BucketLabel || takesEvery(m) {
			return false
		}
		return m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp && oneNumber(m.Value)
	})
}

// oneNumber says whether a pattern is no list of several numbers.
func oneNumber(pattern string) bool {
	var first float64
	for i, text := range strings.Split(pattern, "|") {
		written, _ := query.NumberIn(text, true)
		value, err := strconv.ParseFloat(written, 64)
		switch {
		case err != nil:
			return true
		case i == 0:
			first = value
		case value != first:
			return false
		}
	}
	return true
}

// countOf is the selector of the count of a histogram where its last bucket is selected,
// which is the same; any other selector as it is.
func countOf(s *parser.VectorSelector) *parser.VectorSelector {
	base, bucket := strings.CutSuffix(s.Name, "_bucket")
	last := slices.IndexFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == model.BucketLabel && m.Matches("+Inf") && !m.Matches("1") && !m.Matches("0.5")
	})
	if !bucket || last < 0 {
		return s
	}
	out := *s
	out.Name = base + "_count"
	out.LabelMatchers = slices.Delete(slices.Clone(s.LabelMatchers), last, last+1)
	for i, m := range out.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			out.LabelMatchers[i] = labels.MustNewMatcher(labels.MatchEqual, m.Name, out.Name)
		}
	}
	return &out
}

// bucketOf says whether a selector is of one bucket of the histograms that another counts,
// or of a part of it: the share of what was no slower.
func bucketOf(part, whole *parser.VectorSelector) bool {
	base, bucket := strings.CutSuffix(part.Name, "_bucket")
	if !bucket || whole.Name != base+"_count" || !sameTime(part, whole) || !oneBound(part) {
		return false
	}
	return !slices.ContainsFunc(more(whole, part), func(m *labels.Matcher) bool {
		return m.Name != model.MetricNameLabel && !implied(part, m)
	})
}
