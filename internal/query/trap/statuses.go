package trap

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// statuses stand for all there are: of failures those that people name one by one.
var statuses = []string{
	"200", "201", "202", "204", "206", "301", "302", "304", "307", "308",
	"400", "401", "403", "404", "405", "408", "409", "410", "412", "413", "415", "422", "429", "499",
	"500", "502", "503", "504",
}

// rare are all others, of which a matcher tells that takes no other.
var rare = func() []string {
	var out []string
	for status := 100; status < 600; status++ {
		if text := strconv.Itoa(status); !slices.Contains(statuses, text) {
			out = append(out, text)
		}
	}
	return out
}()

// ofStatuses says whether a matcher tells statuses of HTTP apart, or takes all of them by
// a pattern. Of the names of gRPC, and of other words, it is none.
func ofStatuses(m *labels.Matcher) bool {
	if !query.StatusLike(m.Name) {
		return false
	}
	taken := 0
	for _, status := range statuses {
		if m.Matches(status) {
			taken++
		}
	}
	if taken == 0 {
		return slices.ContainsFunc(rare, m.Matches)
	}
	return taken < len(statuses) || m.Type == labels.MatchRegexp
}

// statusesBy are those that a selector takes by one label, none where no matcher tells
// them apart.
func statusesBy(s *parser.VectorSelector, label string) []string {
	var own []*labels.Matcher
	for _, m := range s.LabelMatchers {
		if m.Name == label && ofStatuses(m) {
			own = append(own, m)
		}
	}
	if len(own) == 0 {
		return nil
	}
	taken := func(of []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(status string) bool {
			return slices.ContainsFunc(own, func(m *labels.Matcher) bool { return !m.Matches(status) })
		})
	}
	if usual := taken(statuses); len(usual) > 0 {
		return usual
	}
	return taken(rare)
}

// outcome is which requests a selector takes, by how they ended.
type outcome struct {
	// by is the matcher that tells them, nil where none does.
	by *labels.Matcher
	// fine were answered as asked, refused by the client's fault, failed by the server's.
	fine, refused, failed []string
}

func outcomeOf(s *parser.VectorSelector) outcome {
	var out outcome
	for _, m := range s.LabelMatchers {
		if !ofStatuses(m) || out.by != nil && out.by.Name != m.Name {
			continue
		}
		out.by = m
	}
	if out.by == nil {
		return out
	}
	for _, status := range statusesBy(s, out.by.Name) {
		switch status[0] {
		case '2', '3':
			out.fine = append(out.fine, status)
		case '4':
			out.refused = append(out.refused, status)
		case '5':
			out.failed = append(out.failed, status)
		}
	}
	return out
}

// classLike is what looks like a class of HTTP statuses and, as a regular expression for
// the whole value, is none.
var classLike = regexp.MustCompile(`^[1-5](?:[xX]{2}|\*|)$`)

// patternOfClass is one in a matcher, where a digit alone may be any number;
// textOfClass is a pattern, or a class, in a matcher that takes it for a text.
var (
	patternOfClass = regexp.MustCompile(`^(?:[1-5](?:[xX]{2}|\*)|[45])$`)
	textOfClass    = regexp.MustCompile(`^[1-5](?:[xX]{2}|\.\.|\.[*+]|\[0-9\]|\\d|[0-9]{2}\|)`)
)

// misread is the first class that a matcher names as a text, where it is meant as all
// statuses of it: code="5xx", code=~"5xx", code="5..". It is "" where there is none.
// Labels of classes, and exporters that count by class, have such texts.
func misread(s *parser.VectorSelector, m *labels.Matcher) string {
	if !query.StatusLike(m.Name) || hasClasses(s.Name, m.Name) {
		return ""
	}
	if m.Type == labels.MatchEqual || m.Type == labels.MatchNotEqual {
		if textOfClass.MatchString(m.Value) {
			return m.Value
		}
		return ""
	}
	for class := range strings.SplitSeq(m.Value, "|") {
		named := m.Type == labels.MatchRegexp
		if patternOfClass.MatchString(class) && m.Matches(class[:1]+"03") != named {
			return class
		}
	}
	return ""
}

// otherNumbers are written out, and may be of an application's own kind.
var otherNumbers = regexp.MustCompile(`^[0-9]+(?:\|[0-9]+)*$`)

// noStatus says whether a text, or a pattern, is written for statuses and takes none that there is.
func noStatus(text string, takes func(status string) bool) bool {
	bare := strings.ReplaceAll(text, `\d`, "0")
	if !strings.ContainsAny(bare, "0123456789") || strings.ContainsFunc(bare, unicode.IsLetter) || otherNumbers.MatchString(bare) {
		return false
	}
	return !slices.ContainsFunc(statuses, takes) && !slices.ContainsFunc(rare, takes)
}

// takesNoStatus says whether a matcher is written for statuses and takes none, or excludes none.
func takesNoStatus(s *parser.VectorSelector, m *labels.Matcher) bool {
	if !query.StatusLike(m.Name) || hasClasses(s.Name, m.Name) || strings.Contains(s.Name, "grpc") {
		return false
	}
	named := m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp
	return noStatus(m.Value, func(status string) bool { return m.Matches(status) == named })
}

// hasClasses says whether a label is one of classes, "5xx" or "5", by its name or that
// of an exporter that is known for it.
func hasClasses(metric, label string) bool {
	for _, word := range []string{"class", "group", "family", "grpc"} {
		if strings.Contains(strings.ToLower(label), word) {
			return true
		}
	}
	return strings.HasPrefix(metric, "haproxy_") || strings.HasPrefix(metric, "nginx_vts_")
}
