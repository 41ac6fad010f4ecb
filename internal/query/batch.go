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

	// joined is the query for several canaries, with anyCanary for the pattern of their pods
	// and anyPrefix for the pattern of their prefixes.
	joined string
	// inPlace: the pattern stands in the query as it was rendered where the pods are selected, and
	// nowhere else, so that with another one in its place it is the other canary's.
	inPlace bool
}

// anyCanary stands in a shape where a canary's pattern stood, anyPrefix in a joined one for those of
// the prefixes. No such patterns are made by a canary's name.
const (
	anyCanary = "{canary}"
	anyPrefix = "{prefixes}"
)

// isReserved says whether a query has words in it that have a meaning in what is made of it.
func isReserved(rendered string) bool {
	return strings.Contains(rendered, BatchLabel) || strings.Contains(rendered, anyCanary) || strings.Contains(rendered, anyPrefix)
}

// BatchOf takes a rendered query apart. It says no to a query that it is not
// sure of: that is asked alone.
func BatchOf(rendered, podLabel string) (Batch, bool) {
	if isLong(rendered) || isReserved(rendered) {
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
	joined, ok := joiner(expr, podLabel, "("+anyPrefix+")"+podSuffix)
	if !ok {
		return Batch{}, false
	}
	b.joined = joined.String()
	b.Group = rangeText.ReplaceAllString(b.Shape, "[]")
	b.inPlace = isVerbatim(rendered) && !strings.Contains(b.Shape, `"`+b.Pods+`"`)
	return b, true
}

// isVerbatim says whether every string of a query stands there as it is, between double quotes, and
// whatever stands between them is a string: nothing is escaped, quoted otherwise or a comment.
func isVerbatim(rendered string) bool { return !strings.ContainsAny(rendered, "\\'`#") }

// rangeText is a range or an offset in a shape, or what looks like one in a string.
var rangeText = regexp.MustCompile(`\[[^\]]*\]|offset [0-9a-z]+`)

// Select returns the query of the same shape for the pods of another canary, the
// query being that which b was taken from; no if that cannot be said.
func (b Batch) Select(rendered, podLabel, pods string) (string, bool) {
	text := strings.ReplaceAll(rendered, `"`+b.Pods+`"`, `"`+pods+`"`)
	if b.inPlace {
		return text, !isLong(text) && PrefixOf(pods) != ""
	}
	other, ok := BatchOf(text, podLabel)
	return text, ok && other.Shape == b.Shape && other.Pods == pods
}

// Join makes the query that gives the answers of several canaries to the
// queries of one shape, each series with its canary's prefix in BatchLabel: no
// two of them may have the same. Their pods are as a Batch has them.
func (b Batch) Join(pods []string) string {
	prefixes := make([]string, len(pods))
	for i, each := range pods {
		prefixes[i] = escapeDots(PrefixOf(each))
	}
	return strings.NewReplacer(anyCanary, anyOf(pods), anyPrefix, strings.Join(prefixes, "|")).Replace(b.joined)
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

// PrefixOf is what all names begin with that the pattern of a canary's pods matches,
// "" where it is none. Such a pattern is what Render makes of {{canary}}: a literal prefix up to
// a dash, and letters and digits, any or those of some pods. Prefixes with that dash never share
// a pod, even where one begins with the other; one that was cut short has none.
func PrefixOf(pods string) string {
	var head, names string
	switch at := strings.Index(pods, "(?:"); {
	case at >= 0 && strings.HasSuffix(pods, ")"):
		head, names = pods[:at], pods[at+len("(?:"):len(pods)-len(")")]
		if !strings.Contains(names, "|") {
			return ""
		}
	case strings.HasSuffix(pods, podSuffix):
		head, names = strings.TrimSuffix(pods, podSuffix), "any"
	default:
		at := strings.LastIndexByte(pods, '-') + 1
		if head, names = pods[:at], pods[at:]; strings.Contains(names, "|") {
			return ""
		}
	}
	for name := range strings.SplitSeq(names, "|") {
		if name == "" || strings.ContainsFunc(name, isNoNameCharacter) {
			return ""
		}
	}
	prefix := strings.ReplaceAll(head, "[.]", ".")
	if len(prefix) < 2 || prefix[len(prefix)-1] != '-' || strings.Count(prefix, ".") != strings.Count(head, "[.]") {
		return ""
	}
	if strings.ContainsFunc(prefix, func(r rune) bool { return r != '-' && r != '.' && isNoNameCharacter(r) }) {
		return ""
	}
	return prefix
}

// isNoNameCharacter: for what the API server appends to a generateName.
func isNoNameCharacter(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }

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
		s.LabelMatchers[i] = &labels.Matcher{Type: labels.MatchRegexp, Name: podLabel, Value: anyCanary} // which matches nothing, and is printed only
	}
	return pods, pods != ""
}
