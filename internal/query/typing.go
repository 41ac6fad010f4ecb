package query

import "github.com/prometheus/prometheus/promql/parser"

// checkType: a measurement judges numbers, so a query must give a scalar or an
// instant vector. That holds for queries over time too, which are such queries
// asked at many times. Prometheus's parser has checked the types within.
func checkType(expr parser.Expr) *mistake {
	switch expr.Type() {
	case parser.ValueTypeScalar, parser.ValueTypeVector:
		return nil
	case parser.ValueTypeMatrix:
		return &mistake{0, "the query gives a range of values for each series, where one value is wanted; put a function such as rate(…) or avg_over_time(…) around it"}
	default:
		return &mistake{0, "the query gives a " + string(expr.Type()) + ", where a scalar or an instant vector is wanted"}
	}
}
