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
	// Family is the shape without its windows, which are cut while a canary is
	// young. Queries that were of one shape the last time are likely to be so again.
	Family string
	// Prefix is what the names of the canary's pods begin with, for example "web-5d4f8-".
	Prefix string
}

// anyCanary stands in a shape where a canary's pattern stood. No such pattern
// is made by a canary's name.
const anyCanary = "{canary}"

// BatchOf takes a rendered query apart. It says no to a query that it is not
// sure of: that is asked alone.
func BatchOf(rendered, podLabel string) (Batch, bool) {
	if strings.Contains(rendered, BatchLabel) || strings.Contains(rendered, anyCanary) {
		return Batch{}, false
	}
	expr, err := promQL.ParseExpr(rendered)
	if err != nil {
		return Batch{}, false
	}
	prefix := ""
	for _, s := range selectors(expr) {
		found, ok := takePrefix(s, podLabel)
		if !ok || prefix != "" && found != prefix {
			return Batch{}, false
		}
		prefix = found
	}
	if prefix == "" {
		return Batch{}, false
	}
	shape := expr.String()
	if _, ok := joiner(expr, podLabel, prefix); !ok {
		return Batch{}, false
	}
	return Batch{Shape: shape, Family: rangeText.ReplaceAllString(shape, "[]"), Prefix: prefix}, true
}

// rangeText is a range or an offset in a shape, or what looks like one in a string.
var rangeText = regexp.MustCompile(`\[[^\]]*\]|offset [0-9a-z]+`)

// For returns the query of the same shape for another canary, the query being
// that which b was taken from; no if that cannot be said.
func (b Batch) For(rendered, podLabel, prefix string) (string, bool) {
	text := strings.ReplaceAll(rendered, `"`+prefixPattern([]string{b.Prefix})+`"`, `"`+prefixPattern([]string{prefix})+`"`)
	other, ok := BatchOf(text, podLabel)
	return text, ok && other.Shape == b.Shape && other.Prefix == prefix
}

// Join makes the query that gives the answers of several canaries to the
// queries of one shape, each series with its canary's prefix in BatchLabel. It
// is "" for what is no shape of the same podLabel.
func Join(shape, podLabel string, prefixes []string) string {
	expr, err := promQL.ParseExpr(shape)
	if err != nil {
		return ""
	}
	pattern := prefixPattern(prefixes)
	for _, s := range selectors(expr) {
		for i, m := range s.LabelMatchers {
			if m.Name == podLabel && m.Value == anyCanary {
				s.LabelMatchers[i] = labels.MustNewMatcher(labels.MatchRegexp, podLabel, pattern)
			}
		}
	}
	joined, ok := joiner(expr, podLabel, "("+escapeDots(strings.Join(prefixes, "|"))+")"+podSuffix)
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

// podPrefixPattern is what Render makes of {{canary}}: a literal prefix up to a
// dash, and letters and digits. Prefixes with that dash never share a pod, even
// where one begins with the other; one that was cut short has none.
var podPrefixPattern = regexp.MustCompile(`^((?:[-a-z0-9]|\[\.\])+-)\[a-z0-9\]\+$`)

// takePrefix takes the pattern of a canary's pods out of a selector.
func takePrefix(s *parser.VectorSelector, podLabel string) (prefix string, ok bool) {
	for i, m := range s.LabelMatchers {
		if m.Name != podLabel {
			continue
		}
		parts := podPrefixPattern.FindStringSubmatch(m.Value)
		if prefix != "" || m.Type != labels.MatchRegexp || parts == nil {
			return "", false
		}
		prefix = strings.ReplaceAll(parts[1], "[.]", ".")
		s.LabelMatchers = slices.Clone(s.LabelMatchers)
		s.LabelMatchers[i] = labels.MustNewMatcher(labels.MatchRegexp, podLabel, anyCanary)
	}
	return prefix, prefix != ""
}
