// Package tenancy keeps a query to the series of one tenant: it puts label
// matchers on every selector of a PromQL expression, wherever that stands.
//
// The walk is the package's own and knows each kind of node and each function by
// name. What it does not know it refuses, so that a newer PromQL cannot bring in
// series by a way that nobody here has thought of. What it has made is parsed
// once more, and each selector of that is looked at again: what counts is what
// the server will read, not what was meant to be written.
//
// The package is pure.
package tenancy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Error is why an expression is refused.
type Error struct {
	// Offset is the place in the expression, in bytes.
	Offset int
	// Message says what is refused there, for people.
	Message string
}

func (e *Error) Error() string { return e.Message }

// promQL takes what a server with every feature flag set takes: what it reads
// must be read here, too.
var promQL = parser.NewParser(parser.Options{
	EnableExperimentalFunctions:  true,
	ExperimentalDurationExpr:     true,
	EnableExtendedRangeSelectors: true,
	EnableBinopFillModifiers:     true,
})

// Enforce returns the expression with the matchers on every one of its
// selectors. A selector keeps the matchers it has: all of them must hold, so one
// on the same label can narrow what is selected and never widen it.
//
// What is refused has an *Error. There must be a matcher: to enforce none is a
// mistake of the caller's.
func Enforce(expr string, matchers Matchers) (string, error) {
	if len(matchers) == 0 {
		return "", errors.New("tenancy: there is no matcher to enforce")
	}
	parsed, err := parse(expr)
	if err != nil {
		return "", err
	}
	put := func(s *parser.VectorSelector) error {
		for _, m := range matchers {
			if !has(s, m) {
				s.LabelMatchers = append(s.LabelMatchers, m)
			}
		}
		return nil
	}
	if err := walk(parsed, put); err != nil {
		return "", err
	}
	enforced := parsed.String()
	return enforced, verify(enforced, matchers)
}

// verify reads an enforced expression as a server will, and looks at each
// selector of it.
func verify(enforced string, matchers Matchers) error {
	parsed, err := parse(enforced)
	if err != nil {
		return refuse(0, "with the matchers of its endpoint the query cannot be parsed: %v", err)
	}
	if parsed.String() != enforced {
		return refuse(0, "with the matchers of its endpoint the query reads differently each time it is written")
	}
	return walk(parsed, func(s *parser.VectorSelector) error {
		for _, m := range matchers {
			if !has(s, m) {
				return refuse(0, "the selector %s could not be given the matcher %s of its endpoint", s, m)
			}
		}
		return nil
	})
}

func parse(expr string) (parser.Expr, error) {
	parsed, err := promQL.ParseExpr(expr)
	if found := (parser.ParseErrors)(nil); errors.As(err, &found) && len(found) > 0 {
		return nil, &Error{int(found[0].PositionRange.Start), found[0].Err.Error()}
	}
	if err != nil {
		return nil, &Error{0, err.Error()}
	}
	return parsed, nil
}

func has(s *parser.VectorSelector, m *labels.Matcher) bool {
	return slices.ContainsFunc(s.LabelMatchers, func(other *labels.Matcher) bool {
		return other.Type == m.Type && other.Name == m.Name && other.Value == m.Value
	})
}

func refuse(offset int, format string, args ...any) error {
	return &Error{offset, fmt.Sprintf(format, args...)}
}
