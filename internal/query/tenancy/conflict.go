package tenancy

import (
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Conflicts are the selectors of an expression that select nothing once the
// matchers are on them, as they ask for another value of the same label: each
// with its place and a sentence. An expression that is refused has none.
func Conflicts(expr string, matchers Matchers) []Error {
	parsed, err := parse(expr)
	if err != nil {
		return nil
	}
	var out []Error
	err = walk(parsed, func(s *parser.VectorSelector) error {
		for _, has := range s.LabelMatchers {
			for _, m := range matchers {
				if has.Name == m.Name && m.Type == labels.MatchEqual && !has.Matches(m.Value) {
					out = append(out, Error{int(s.PosRange.Start), fmt.Sprintf(
						"asks for %s, where this endpoint shows %s only: there is no data", has, m)})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return out
}
