package trap

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// partOf says whether a selector selects a part of what another does.
func partOf(part, whole *parser.VectorSelector) bool {
	if part.Name != whole.Name || part.Name == "" || !sameTime(part, whole) || len(more(part, whole)) == 0 {
		return false
	}
	return !slices.ContainsFunc(more(whole, part), func(m *labels.Matcher) bool { return !implied(part, m) })
}

// sameTime says whether two selectors are of one time.
func sameTime(a, b *parser.VectorSelector) bool {
	at := func(s *parser.VectorSelector) int64 {
		if s.Timestamp == nil {
			return -1
		}
		return *s.Timestamp
	}
	return a.OriginalOffset == b.OriginalOffset && at(a) == at(b) && a.StartOrEnd == b.StartOrEnd
}

// implied says whether what a selector selects is matched anyway.
func implied(part *parser.VectorSelector, m *labels.Matcher) bool {
	if takesEvery(m) && m.Matches("") {
		return true
	}
	if slices.ContainsFunc(part.LabelMatchers, func(own *labels.Matcher) bool {
		return own.Name == m.Name && own.Type == labels.MatchEqual && m.Matches(own.Value)
	}) {
		return true
	}
	taken := statusesBy(part, m.Name)
	return len(taken) > 0 && !slices.ContainsFunc(taken, func(status string) bool { return !m.Matches(status) })
}

// sameAs says whether two selectors select the same, by whatever matchers.
func sameAs(a, b *parser.VectorSelector) bool {
	if a.Name != b.Name || a.Name == "" || !sameTime(a, b) {
		return false
	}
	return !slices.ContainsFunc(append(more(a, b), more(b, a)...), func(m *labels.Matcher) bool { return !takesEvery(m) })
}

// takesEvery: a matcher that leaves no value out, but perhaps series without the label.
func takesEvery(m *labels.Matcher) bool {
	some := []string{"a", "Z", "0", "200", "404", "503", "error", "x y/z"}
	if m.Type == labels.MatchEqual || m.Type != labels.MatchRegexp && m.Value != "" {
		return false
	}
	return !slices.ContainsFunc(some, func(value string) bool { return !m.Matches(value) })
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
