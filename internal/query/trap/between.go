package trap

import (
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// betweenBuckets: what is counted between two bounds is not what is slow, and buckets that are added have the
// fast requests in them several times. A quantile needs each bucket by itself.
func betweenBuckets(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(node parser.Expr, path []parser.Node) {
		switch e := node.(type) {
		case *parser.Call:
			if says := l.ofHistogram(e); says != "" {
				out = append(out, caught{e, says})
			}
		case *parser.BinaryExpr:
			if e.Op != parser.ADD && e.Op != parser.SUB || len(out) > 0 || addedTo(path) {
				return
			}
			if says := l.ofBuckets(addends(e), divisor(e, path)); says != "" {
				out = append(out, caught{e, says})
			}
		}
	})
	return out
}

// addedTo says whether a sum or difference is a part of a larger one.
func addedTo(path []parser.Node) bool {
	for i := len(path) - 1; i >= 0; i-- {
		switch around := path[i].(type) {
		case *parser.ParenExpr:
		case *parser.BinaryExpr:
			return around.Op == parser.ADD || around.Op == parser.SUB
		default:
			return false
		}
	}
	return false
}

// divisor is by which number a sum is divided where it stands, beside what is counted: 2 for an Apdex.
func divisor(node parser.Node, path []parser.Node) float64 {
	by := 1.0
	for i := len(path) - 1; i >= 0; i-- {
		b, ok := path[i].(*parser.BinaryExpr)
		if !ok {
			node = path[i]
			continue
		}
		number, known := numberOf(b.RHS)
		switch {
		case b.LHS != node:
		case known && b.Op == parser.DIV:
			by *= number
		case known && b.Op == parser.MUL && number != 0:
			by /= number
		case b.Op == parser.DIV:
			if factor := counted(b.RHS).factor; factor > 0 {
				by *= factor
			}
		}
		node = b
	}
	return by
}

// ofBuckets says what is wrong with a sum or a difference of several buckets of one histogram, "" if nothing
// is.
func (l looked) ofBuckets(all []addend, by float64) string {
	weight, name := 0.0, ""
	taken := false
	for _, a := range all {
		if a.selector == nil || !isBucket(a.selector) || !oneBound(a.selector) || name != "" && a.selector.Name != name {
			return ""
		}
		name, taken = a.selector.Name, taken || a.taken || a.factor < 0
		weight += math.Abs(a.factor)
	}
	base := plaintext.Cut(strings.TrimSuffix(name, "_bucket"), 60)
	switch {
	case name == "" || len(all) < 2 || sameBound(all):
		return ""
	case taken && l.Range.Max != nil && l.Range.Min == nil:
		return fmt.Sprintf("requests slower than the higher bound are in neither bucket, so the slower a canary is, the less it has of these; take the lower bucket from %s_count", base)
	case !taken && l.Range.Min != nil && *l.Range.Min <= 1 && weight/by > 1+1e-9:
		return fmt.Sprintf("a bucket has in it what those before it have, so a fast request counts several times, and the value is up to %.4g; an Apdex is (…{le=\"T\"} + …{le=\"4T\"}) / 2 / …_count, in these parentheses", weight/by)
	}
	return ""
}

// sameBound says whether all are of the same bucket, such as of several statuses.
func sameBound(all []addend) bool {
	bound := func(a addend) string {
		for _, m := range a.selector.LabelMatchers {
			if m.Name == "le" {
				return m.String()
			}
		}
		return ""
	}
	for _, a := range all[1:] {
		if bound(a) != bound(all[0]) {
			return false
		}
	}
	return true
}

// ofHistogram says what is wrong with a function of a histogram, "" if nothing is.
func (l looked) ofHistogram(e *parser.Call) string {
	switch e.Func.Name {
	case "histogram_quantile":
		c := counted(e.Args[1])
		if c.selector != nil && isBucket(c.selector) && !keeps(e.Args[1], "le") {
			return "the aggregation takes the label le off, without which there are no buckets: this gives no value, and never passes; write sum by (le) (…)"
		}
	case "histogram_fraction":
		from, to := possibleOf(e.Args[0]), possibleOf(e.Args[1])
		if from.low > 0 && to.high < math.Inf(1) && l.Range.Max != nil && l.Range.Min == nil {
			return "requests slower than the upper bound are not in it, so the slower a canary is, the less it has of these; write +Inf for the upper bound"
		}
	}
	return ""
}
