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

// unlisted are values that nobody lists: what takes them, too, takes every value.
var unlisted = []string{"0", "599", "error", "Failed", "some-value"}

// patternDoubts: a list by which every value is good judges nothing, nor does one by which
// no failure of a server is bad, where no other metric is of failures.
func patternDoubts(l v1alpha1.List, watched bool) []doubt {
	bad, _, err := query.ParsePatterns(l.Bad)
	good, _, wrong := query.ParsePatterns(l.Good)
	if err != nil || wrong != nil {
		return nil
	}
	isGood := func(value string) bool {
		return !bad.Match(value) && (len(good) == 0 || good.Match(value))
	}
	values := unlisted
	if query.StatusLike(l.Label) && slices.ContainsFunc(statuses, func(s string) bool { return bad.Match(s) || good.Match(s) }) {
		values = statuses
	}
	if len(good) > 0 && !slices.ContainsFunc(values, func(v string) bool { return !isGood(v) }) {
		field := "list.good[0]"
		for i := range l.Good {
			if one, _, err := query.ParsePatterns(l.Good[i : i+1]); err == nil && one.Match(values[len(values)-1]) {
				field = fmt.Sprintf("list.good[%d]", i)
				break
			}
		}
		return []doubt{doubtf(doubtEvery, field, "with it every value is good, so no canary fails, however bad it is; write what is good%s", example(l.Label))}
	}
	if watched || !query.StatusLike(l.Label) || !isGood(usualFailure) ||
		!slices.ContainsFunc(statuses, func(s string) bool { return s[0] >= '4' && !isGood(s) }) {
		return nil
	}
	field, remedy := "list.bad", `write "5.."`
	if len(bad) == 0 {
		field, remedy = "list.good", "leave it out"
	}
	return []doubt{doubtf(doubtStatus, field, "no request is a bad one that failed with %s, and no other metric takes it for one; %s, or give the plan a metric that does", usualFailure, remedy)}
}

// example is what is good by a label, where that shows.
func example(label string) string {
	if !query.StatusLike(label) {
		return ""
	}
	return `, such as "[1-4].."`
}

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
