package query

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"
)

// How complex a query may be. Prometheus's parser and whoever walks over what it
// makes take the square of the depth, and every operator is a level of it.
const (
	maxNesting   = 100
	maxOperators = 500
)

// complexity says where a query has too much of what makes it deep. It reads
// words and no structure, in time by length; what is no PromQL is for the parser to say.
func complexity(rendered string) *mistake {
	lexer := parser.Lex(rendered)
	nesting, operators := 0, 0
	inBraces := false
	for {
		var item parser.Item
		lexer.NextItem(&item)
		switch item.Typ {
		case parser.EOF, parser.ERROR:
			return nil
		case parser.LEFT_PAREN:
			nesting++
		case parser.RIGHT_PAREN:
			nesting--
		case parser.LEFT_BRACE:
			inBraces = true
		case parser.RIGHT_BRACE:
			inBraces = false
		}
		if item.Typ == parser.LEFT_BRACKET || item.Typ.IsOperator() && !inBraces { // a subquery of a subquery has no parentheses
			operators++
		}
		switch at := int(item.Pos); {
		case nesting > maxNesting:
			return &mistake{at, fmt.Sprintf("more than %d parentheses within each other; split the query into several metrics, or record parts of it", maxNesting)}
		case operators > maxOperators:
			return &mistake{at, fmt.Sprintf("more than %d operators and ranges; split the query into several metrics, or record parts of it", maxOperators)}
		}
	}
}
