package trap

import (
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// bounds: a pattern of numbers matches one way of writing them.
func bounds(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(s *parser.VectorSelector, _ []parser.Node) {
		for _, m := range s.LabelMatchers {
			if asPattern(m) {
				out = append(out, caught{s, fmt.Sprintf("%s is matched as text, and le=\"1\" may be stored as \"1.0\"; name the numbers, as in %s=~\"1|2.5\", which are matched as such", plaintext.Cut(m.String(), 60), m.Name)})
			}
		}
	})
	return out
}

// boundsCounted: the same of the counters of a comparison.
func boundsCounted(texts ...string) []string {
	var out []string
	for _, text := range texts {
		t, err := query.ParseCounter(text)
		if err != nil {
			continue // none, or refused
		}
		for _, trap := range bounds(looked{expr: t.Spans(query.SampleValues())[0].Selector}) {
			out = append(out, trap.message)
		}
	}
	return out
}

// asPattern says whether a matcher is of numbers by a pattern that is no list of them.
func asPattern(m *labels.Matcher) bool {
	if !query.IsNumbered(m.Name) || m.Type != labels.MatchRegexp && m.Type != labels.MatchNotRegexp {
		return false
	}
	for text := range strings.SplitSeq(m.Value, "|") {
		if _, ok := query.NumberIn(text, true); !ok {
			return strings.ContainsAny(m.Value, "0123456789")
		}
	}
	return false
}
