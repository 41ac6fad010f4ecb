package query

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// The bounds of buckets and the quantiles of summaries are numbers that are kept as
// text: an application shows le="1", Prometheus 3 stores le="1.0", Prometheus 2 stores
// either, by the format it was scraped in. So a matcher of such a label that names
// numbers is sent as one of all the ways in which clients and servers write them.

// numbered are the labels whose values are numbers.
var numbered = []string{model.BucketLabel, model.QuantileLabel}

// IsNumbered says whether the values of a label are numbers.
func IsNumbered(label string) bool { return slices.Contains(numbered, label) }

// byNumber rewrites the matchers of numbers in a query that parses; the rest of its
// text stays as it is.
func byNumber(rendered string) string {
	if !slices.ContainsFunc(numbered, func(name string) bool { return strings.Contains(rendered, name) }) {
		return rendered
	}
	var out strings.Builder
	done := 0
	for _, m := range matcherTexts(rendered) {
		if wide, changed := anySpelling(m.Matcher); changed {
			out.WriteString(rendered[done:m.from] + wide.Type.String() + strconv.Quote(wide.Value))
			done = m.to
		}
	}
	return out.String() + rendered[done:]
}

// matcherText is a matcher of a numbered label, and where in the query its operator
// begins and its value ends.
type matcherText struct {
	*labels.Matcher
	from, to int
}

var matchTypes = map[parser.ItemType]labels.MatchType{
	parser.EQL: labels.MatchEqual, parser.NEQ: labels.MatchNotEqual,
	parser.EQL_REGEX: labels.MatchRegexp, parser.NEQ_REGEX: labels.MatchNotRegexp,
}

// matcherTexts finds them among the tokens of a query: the tree has no places of matchers.
func matcherTexts(rendered string) []matcherText {
	var out []matcherText
	var name, operator parser.Item
	lexer := parser.Lex(rendered)
	for {
		var token parser.Item
		lexer.NextItem(&token)
		if token.Typ == parser.EOF || token.Typ == parser.ERROR {
			return out
		}
		if token.Typ == parser.COMMENT {
			continue
		}
		if kind, ok := matchTypes[operator.Typ]; ok && token.Typ == parser.STRING && IsNumbered(labelOf(name)) {
			value, err := strconv.Unquote(token.Val)
			if err != nil { // in single quotes
				value = unquoted(token.Val)
			}
			if m, err := labels.NewMatcher(kind, labelOf(name), value); err == nil {
				out = append(out, matcherText{m, int(operator.Pos), int(token.Pos) + len(token.Val)})
			}
		}
		name, operator = operator, token
	}
}

// labelOf is the name of a label before an operator, which may stand in quotes.
func labelOf(token parser.Item) string {
	if token.Typ == parser.STRING {
		return unquoted(token.Val)
	}
	return token.Val
}

// unquoted is what a string stands for where nothing is escaped in it.
func unquoted(text string) string { return strings.Trim(text, "\"'`") }

// anySpelling is a matcher of the same numbers however they are written, and whether
// that is another matcher. One that is not of numbers alone stays.
func anySpelling(m *labels.Matcher) (*labels.Matcher, bool) {
	if !IsNumbered(m.Name) {
		return m, false
	}
	kind, texts := m.Type, []string{m.Value}
	switch m.Type {
	case labels.MatchEqual:
		kind = labels.MatchRegexp
	case labels.MatchNotEqual:
		kind = labels.MatchNotRegexp
	default:
		texts = strings.Split(m.Value, "|")
	}
	var all []string
	for _, text := range texts {
		number, ok := NumberIn(text, kind == m.Type)
		if !ok {
			return m, false
		}
		for _, spelling := range spellings(number) {
			if spelling = regexp.QuoteMeta(spelling); !slices.Contains(all, spelling) {
				all = append(all, spelling)
			}
		}
	}
	if len(all) <= len(texts) {
		return m, false
	}
	wide, err := labels.NewMatcher(kind, m.Name, strings.Join(all, "|"))
	return wide, err == nil
}

var boundText = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// unescaped takes out what marks a dot or a sign as itself in a regular expression.
var unescaped = strings.NewReplacer(`\.`, ".", `[.]`, ".", `\+`, "+", `[+]`, "+")

// NumberIn is the number that a value, or a part of a pattern, stands for.
func NumberIn(text string, pattern bool) (string, bool) {
	if pattern {
		text = unescaped.Replace(text)
	}
	return text, boundText.MatchString(text)
}

// spellings are the ways in which a number is written, the given one first: those of
// Go, Python, Java and JavaScript, whose clients write bounds as their language does,
// and each of them with a fraction, as OpenMetrics and Prometheus 3 have it.
func spellings(number string) []string {
	out := []string{number}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil { // too large
		return out
	}
	add := func(text string) {
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	both := func(text string) {
		add(text)
		if !strings.ContainsAny(text, ".eE") {
			add(text + ".0")
		}
	}
	both(strconv.FormatFloat(f, 'g', -1, 64))
	if magnitude := math.Abs(f); f == 0 || magnitude >= 1e-7 && magnitude < 1e21 {
		both(strconv.FormatFloat(f, 'f', -1, 64))
	}
	if magnitude := math.Abs(f); f != 0 && (magnitude < 1e-3 || magnitude >= 1e7) {
		for _, text := range exponents(f) {
			add(text)
		}
	}
	return out
}

// exponents are the ways to write a number that is very small or large: 1.0E7, 1e+7.
func exponents(f float64) []string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	sign := strings.TrimPrefix(exponent[:1], "+")
	digits := strings.TrimLeft(exponent[1:], "0")
	java := mantissa
	if !strings.Contains(java, ".") {
		java += ".0"
	}
	return []string{java + "E" + sign + digits, mantissa + "e" + exponent[:1] + digits}
}
