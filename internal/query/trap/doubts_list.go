package trap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// listedDoubts: a list judges the bad ones' share in all. Of a query that leaves the good
// ones out, or the bad ones, the share is all or nothing.
func listedDoubts(l v1alpha1.List, expr parser.Expr) []doubt {
	bad, _, err := query.ParsePatterns(l.Bad)
	good, _, wrong := query.ParsePatterns(l.Good)
	if err != nil || wrong != nil {
		return nil
	}
	var out []doubt
	query.Each(expr, func(s *parser.VectorSelector, _ []parser.Node) {
		for _, m := range s.LabelMatchers {
			if m.Name != l.Label || len(out) > 0 {
				continue
			}
			selected, failed := selectedBy(m), 0
			for _, value := range selected {
				if bad.Match(value) || len(good) > 0 && !good.Match(value) {
					failed++
				}
			}
			says := map[int]string{0: "no bad", len(selected): "no good"}[failed]
			if len(selected) > 0 && says != "" {
				out = append(out, doubt{doubtListEntry, "query", fmt.Sprintf(
					"%s selects %s values of the label, and the list judges the share of bad ones in all that is selected; leave it out", plaintext.Cut(m.String(), 100), says)})
			}
		}
	})
	return out
}

// selectedBy are values that a matcher selects, as far as it names them itself, or is of
// statuses.
func selectedBy(m *labels.Matcher) []string {
	var values []string
	if query.StatusLike(m.Name) {
		values = statuses
	}
	if m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp {
		values = append(slices.Clone(values), strings.Split(m.Value, "|")...)
	}
	return slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "" || !m.Matches(value) })
}
