package query

import (
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// countDoubts are those about the counters of a comparison: good ones told by what
// they are not, and fast requests for bad ones.
func countDoubts(c v1alpha1.Counted, _ bool) []doubt {
	total, ok := counterSelector(c.Total)
	if !ok {
		return nil
	}
	if good, ok := counterSelector(c.Good); ok && partOf(good, total) {
		if m := more(good, total); !slices.ContainsFunc(m, tells) {
			return []doubt{excluded("compare.count.good", m[0])}
		}
	}
	if bad, ok := counterSelector(c.Bad); ok && bucketOf(bad, total) {
		return []doubt{{doubtWrongEnd, "compare.count.bad", "a bucket counts what was no slower than its bound, so the canaries that are faster are taken for worse; write it as good"}}
	}
	return nil
}

// tells says whether a matcher names what it selects, and not what it excludes: series
// without the label are not among it.
func tells(m *labels.Matcher) bool { return !m.Matches("") }

// excluded is the doubt about good ones of which a matcher says what they are not.
func excluded(field string, m *labels.Matcher) doubt {
	remedy := "write what is good"
	if statusLike(m.Name) {
		remedy += fmt.Sprintf(", as in %s=~%q", m.Name, "[1-4]..")
	}
	return doubt{doubtNoLabel, field, fmt.Sprintf(
		"%s selects series without a label %s too, so that all requests count as good where that is not its name, or what is bad is written otherwise; %s",
		plaintext.Cut(m.String(), 100), m.Name, remedy)}
}

func counterSelector(text string) (*parser.VectorSelector, bool) {
	t, err := ParseCounter(text)
	if err != nil {
		return nil, false // none, or refused
	}
	return t.spans(samples)[0].selector, true
}
