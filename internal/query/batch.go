package query

import (
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// BatchLabel is the label by which the answer to a joined query is split. Its
// value is the prefix of the names of one canary's pods.
const BatchLabel = "__holdfast_canary__"

// Batch is a query that can be asked for several canaries at once: it looks at
// the pods of one canary only, and in a way that never lets the series of two
// canaries meet (docs/adr/0015-shared-queries.md has the argument). It is made
// by BatchOf.
type Batch struct {
	// Shape is the query without its canary; queries of one shape can be joined.
	Shape string
	// Group is the shape without its windows, which are cut while a canary is
	// young. Queries that were of one shape the last time are likely to be so again.
	Group string
	// Pods is the regular expression of the names of the canary's pods, for example
	// "web-5d4f8-(?:2xk9c|7wq4z)".
	Pods string
	// Prefix is what these names begin with, for example "web-5d4f8-".
	Prefix string
}

// anyCanary stands in a shape where a canary's pattern stood. No such pattern
// is made by a canary's name.
const anyCanary = "{canary}"

// BatchOf takes a rendered query apart. It says no to a query that it is not
// sure of: that is asked alone.
func BatchOf(rendered, podLabel string) (Batch, bool) {
	if isLong(rendered) || strings.Contains(rendered, BatchLabel) || strings.Contains(rendered, anyCanary) {
		return Batch{}, false
	}
	expr, err := promQL.ParseExpr(rendered)
	if err != nil {
		return Batch{}, false
	}
	var b Batch
	for _, s := range selectors(expr) {
		pods, ok := takePods(s, podLabel)
		if !ok || b.Pods != "" && pods != b.Pods {
			return Batch{}, false
		}
		b.Pods = pods
	}
	if b.Pods == "" {
		return Batch{}, false
	}
	b.Prefix = PrefixOf(b.Pods)
	b.Shape = expr.String()
	if _, ok := joiner(expr, podLabel, b.Prefix); !ok {
		return Batch{}, false
	}
	b.Group = rangeText.ReplaceAllString(b.Shape, "[]")
	return b, true
}

// rangeText is a range or an offset in a shape, or what looks like one in a string.
var rangeText = regexp.MustCompile(`\[[^\]]*\]|offset [0-9a-z]+`)

// For returns the query of the same shape for the pods of another canary, the
// query being that which b was taken from; no if that cannot be said.
func (b Batch) For(rendered, podLabel, pods string) (string, bool) {
	text := strings.ReplaceAll(rendered, `"`+b.Pods+`"`, `"`+pods+`"`)
	other, ok := BatchOf(text, podLabel)
	return text, ok && other.Shape == b.Shape && other.Pods == pods
}

// Join makes the query that gives the answers of several canaries to the
// queries of one shape, each series with its canary's prefix in BatchLabel: no
// two of them may have the same. It is "" for what is no shape of the same
// podLabel.
func Join(shape, podLabel string, pods []string) string {
	expr, err := promQL.ParseExpr(shape)
	if err != nil {
		return ""
	}
	prefixes := make([]string, len(pods))
	for i, each := range pods {
		prefixes[i] = escapeDots(PrefixOf(each))
	}
	pattern := anyOf(pods)
	for _, s := range selectors(expr) {
		for i, m := range s.LabelMatchers {
			if m.Name == podLabel && m.Value == anyCanary {
				s.LabelMatchers[i] = labels.MustNewMatcher(labels.MatchRegexp, podLabel, pattern)
			}
		}
	}
	joined, ok := joiner(expr, podLabel, "("+strings.Join(prefixes, "|")+")"+podSuffix)
	if !ok {
		return ""
	}
	return joined.String()
}

func selectors(expr parser.Expr) []*parser.VectorSelector {
	var out []*parser.VectorSelector
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if s, ok := node.(*parser.VectorSelector); ok {
			out = append(out, s)
		}
		return nil
	})
	return out
}

// onePattern is what Render makes of {{canary}}: a literal prefix up to a dash, and
// letters and digits, any or those of some pods. Prefixes with that dash never share
// a pod, even where one begins with the other; one that was cut short has none.
var onePattern = regexp.MustCompile(`^((?:[-a-z0-9]|\[\.\])+-)(?:\[a-z0-9\]\+|[a-z0-9]+|\(\?:[a-z0-9]+(?:\|[a-z0-9]+)+\))$`)

// PrefixOf is what all names begin with that the pattern of a canary's pods matches,
// "" where it is none.
func PrefixOf(pods string) string {
	parts := onePattern.FindStringSubmatch(pods)
	if parts == nil {
		return ""
	}
	return strings.ReplaceAll(parts[1], "[.]", ".")
}

// takePods takes the pattern of a canary's pods out of a selector.
func takePods(s *parser.VectorSelector, podLabel string) (pods string, ok bool) {
	for i, m := range s.LabelMatchers {
		if m.Name != podLabel {
			continue
		}
		if pods != "" || m.Type != labels.MatchRegexp || PrefixOf(m.Value) == "" {
			return "", false
		}
		pods = m.Value
		s.LabelMatchers = slices.Clone(s.LabelMatchers)
		s.LabelMatchers[i] = labels.MustNewMatcher(labels.MatchRegexp, podLabel, anyCanary)
	}
	return pods, pods != ""
}
