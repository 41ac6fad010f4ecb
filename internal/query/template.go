package query

import (
	"errors"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// MaxLength is the longest query that is parsed, in bytes; CanaryPlan has the same limit.
const MaxLength = 8192

// Template is a query with its placeholders, known to be right. Its zero value
// is no query; Parse makes one.
type Template struct {
	text  string
	parts []part
	// shared: of its values only the shares count, those of a list.
	shared bool
}

// String returns the query as the user wrote it.
func (t Template) String() string { return t.text }

// Uses says whether a placeholder stands in the query.
func (t Template) Uses(p Placeholder) bool {
	return slices.ContainsFunc(t.parts, func(part part) bool { return part.placeholder == p })
}

// Parse reads a query and checks that it is PromQL which gives a scalar or an
// instant vector, whatever names its placeholders come to stand for. Its error
// is an *Error, with the place in text.
func Parse(text string) (Template, error) { return parse(text, known) }

// ParseSide reads the query of a metric that compares: the same, with {{pods}}
// in it, which stands for the pods of one side.
func ParseSide(text string) (Template, error) {
	t, err := parse(text, knownCompared)
	if err == nil && !t.Uses(Pods) {
		return Template{}, ErrorAt(text, 0, "has no {{pods}}, so both sides would have the same value; put {{pods}} between the braces of its selectors")
	}
	return t, err
}

func parse(text string, known []Placeholder) (Template, error) {
	if len(text) > MaxLength {
		return Template{}, ErrorAt(text, MaxLength, "the query is longer than %d bytes", MaxLength)
	}
	parts, mistake := scan(text, known)
	if mistake != nil {
		return Template{}, mistake
	}
	t := Template{text: text, parts: parts}
	rendered, err := t.Fill(samples)
	if err != nil {
		return Template{}, err
	}
	if _, mistake := check(rendered); mistake != nil {
		return Template{}, ErrorAt(text, t.Origin(mistake.offset, samples), "%s", mistake.message)
	}
	return t, nil
}

// promQL takes what a Prometheus with every feature flag set takes: whether the
// user's server has them on is not known here, and it says so itself.
var promQL = parser.NewParser(parser.Options{
	EnableExperimentalFunctions:  true,
	ExperimentalDurationExpr:     true,
	EnableExtendedRangeSelectors: true,
	EnableBinopFillModifiers:     true,
})

// mistake is one of the rendered query, its offset in that.
type mistake struct {
	offset  int
	message string
}

// check parses a rendered query and sees that it gives something to judge.
func check(rendered string) (parser.Expr, *mistake) {
	if tooComplex := complexity(rendered); tooComplex != nil {
		return nil, tooComplex
	}
	expr, err := promQL.ParseExpr(rendered)
	if found := (parser.ParseErrors)(nil); errors.As(err, &found) && len(found) > 0 {
		return nil, &mistake{int(found[0].PositionRange.Start), found[0].Err.Error()}
	}
	if err != nil {
		return nil, &mistake{0, err.Error()}
	}
	return expr, checkType(expr)
}

// SampleValues are what a query is checked with; messages of the parser may quote them.
func SampleValues() Values { return samples }

var samples = Values{
	Namespace:  "namespace",
	Deployment: "deployment",
	Service:    "service",
	Canary:     []string{"canary"},
	Stable:     []string{"stable"},
	Baseline:   []string{"baseline"},
	Pods:       []string{"pods"},
	Interval:   sampleInterval,
	Window:     sampleInterval,
}

// Origin maps an offset of the query rendered with some values back to the text it
// came from; inside of what a placeholder became it is where that begins.
func (t Template) Origin(rendered int, v Values) int {
	at := 0
	for _, p := range t.parts {
		text, err := p.render(v)
		if err != nil {
			return p.offset
		}
		if rendered < at+len(text) {
			if p.placeholder != "" {
				return p.offset
			}
			return p.offset + max(0, rendered-at)
		}
		at += len(text)
	}
	return len(t.text)
}
