package trap

import (
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// neverOutside: what is clamped to its range is never out of it.
func neverOutside(l looked) []caught {
	if l.Range.IsZero() {
		return nil
	}
	low, high := limitsOf(l.expr)
	if l.Range.Min != nil && low < *l.Range.Min || l.Range.Max != nil && high > *l.Range.Max {
		return nil
	}
	return []caught{{l.expr, "the query gives no value that is out of its range, whatever is measured, so it never fails; leave the limit out of the query or the range narrower"}}
}

// limitsOf are the least and the greatest value that an expression may have, as far
// as its outermost function says.
func limitsOf(expr parser.Expr) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	switch e := query.Bare(expr).(type) {
	case *parser.BinaryExpr:
		if e.Op.IsComparisonOperator() && e.ReturnBool {
			return 0, 1
		}
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.MIN, parser.MAX, parser.AVG, parser.TOPK, parser.BOTTOMK:
			return limitsOf(e.Expr)
		}
	case *parser.Call:
		switch e.Func.Name {
		case "sgn":
			return -1, 1
		case "clamp":
			low, high = numberOr(e.Args[1], low), numberOr(e.Args[2], high)
		case "clamp_min":
			low = numberOr(e.Args[1], low)
		case "clamp_max":
			high = numberOr(e.Args[1], high)
		}
	}
	return low, high
}

func numberOr(expr parser.Expr, otherwise float64) float64 {
	if value, ok := constantOf(expr); ok {
		return value
	}
	return otherwise
}

// lastDefault is where the buckets of client libraries end that are told of no others,
// in seconds.
const lastDefault = 10

// beyondBuckets: a quantile is never more than the end of the last finite bucket. Where
// that is stands in no plan, but most applications have the buckets of their library.
func beyondBuckets(l looked) []caught {
	if l.Range.Max == nil {
		return nil
	}
	last := float64(lastDefault)
	switch possibleOf(l.expr).unit {
	case seconds:
	case milliseconds:
		last *= 1000
	default:
		return nil
	}
	if *l.Range.Max < last {
		return nil
	}
	var out []caught
	query.Each(l.expr, func(c *parser.Call, _ []parser.Node) {
		if c.Func.Name != "histogram_quantile" {
			return
		}
		for _, s := range selectorsIn(c) {
			if strings.HasSuffix(s.Name, "_seconds_bucket") {
				out = append(out, caught{c, fmt.Sprintf(
					"histogram_quantile(…) is never more than the end of the last finite bucket, which is %d s in most client libraries, and max is %g: it may never fail. Make max less than the last bound, or let expect do it", lastDefault, *l.Range.Max)})
				return
			}
		}
	})
	return out
}
