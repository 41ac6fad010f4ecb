package trap

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// count is what an expression counts; its zero value is of one that counts nothing, or
// by more than one selector.
type count struct {
	// selector is what is counted; that of the bucket of all is the one of the count.
	selector *parser.VectorSelector
	// over is the function over the window: rate, increase, or "" of the bare counter.
	over   string
	window time.Duration
	// joined are the aggregations around it without their labels, how with them.
	joined, how string
	// factor is the number by which it is multiplied.
	factor float64
	// filtered says that a comparison, or a bound, may leave some of it out.
	filtered bool
}

// counted is the one selector that an expression counts by, and how: sums and rates
// of it, times a number. A guard, and a 0 for what is missing, count nothing besides.
func counted(expr parser.Expr) count {
	switch e := query.Bare(expr).(type) {
	case *parser.VectorSelector:
		over, window := recordedOver(e.Name)
		return count{selector: countOf(e), over: over, window: window, factor: 1}
	case *parser.UnaryExpr:
		return counted(e.Expr).by(map[parser.ItemType]float64{parser.SUB: -1, parser.ADD: 1}[e.Op])
	case *parser.AggregateExpr:
		return countedTogether(e)
	case *parser.Call:
		return countedBy(e)
	case *parser.BinaryExpr:
		return countedIn(e)
	}
	return count{}
}

func (c count) by(factor float64) count {
	c.factor *= factor
	return c
}

// bounded is a count that may be less, or of another time.
func (c count) bounded() count {
	c.filtered = true
	return c
}

// joining are the aggregations of which one over another is no more than the other, and
// a part is no greater than the whole but for AVG and MIN.
var joining = []parser.ItemType{parser.SUM, parser.COUNT, parser.AVG, parser.MIN, parser.MAX}

func countedTogether(e *parser.AggregateExpr) count {
	if slices.Contains([]parser.ItemType{parser.TOPK, parser.BOTTOMK}, e.Op) {
		return counted(e.Expr).bounded()
	}
	if !slices.Contains(joining, e.Op) {
		return count{}
	}
	out := counted(e.Expr)
	op := e.Op.String()
	if first, _, _ := strings.Cut(out.joined, " "); first != op {
		out.joined = strings.TrimSpace(op + " " + out.joined)
	}
	out.how = e.Op.String() + " " + strings.Join(e.Grouping, ",") + map[bool]string{true: " without "}[e.Without] + out.how
	if e.Op == parser.COUNT { // series, whatever they are multiplied by
		out.factor, out.filtered = 1, true
	}
	return out
}

func countedBy(e *parser.Call) count {
	switch e.Func.Name {
	case "rate", "increase", "irate", "delta", "deriv":
		return countedOver(e)
	case "avg_over_time", "last_over_time", "max_over_time", "min_over_time", "sum_over_time", "count_over_time":
		s, ok := query.Bare(e.Args[0]).(*parser.SubqueryExpr)
		if !ok {
			return countedOver(e)
		}
		if e.Func.Name == "avg_over_time" || e.Func.Name == "last_over_time" {
			return counted(s.Expr).bounded()
		}
	case "scalar", "sort", "sort_desc", "label_replace", "label_join":
		return counted(e.Args[0])
	case "clamp_min": // lest it is zero
		return counted(e.Args[0]).bounded()
	}
	return count{}
}

func countedOver(e *parser.Call) count {
	out := count{over: e.Func.Name, factor: 1}
	var of parser.Expr
	switch a := query.Bare(e.Args[0]).(type) {
	case *parser.MatrixSelector:
		of, out.window = a.VectorSelector, a.Range
	case *parser.SubqueryExpr:
		if a.OriginalOffset == 0 && a.Timestamp == nil {
			of, out.window = query.Bare(a.Expr), a.Range
		}
	}
	if s, ok := of.(*parser.VectorSelector); ok {
		out.selector = countOf(s)
	}
	return out
}

func countedIn(e *parser.BinaryExpr) count {
	left, leftKnown := numberOf(e.LHS)
	right, rightKnown := numberOf(e.RHS)
	switch {
	case e.Op.IsComparisonOperator() && !e.ReturnBool:
		of, guard := e.LHS, rightKnown && right == 0
		if leftKnown {
			of, guard = e.RHS, left == 0
		}
		out := counted(of)
		out.filtered = out.filtered || !guard
		return out
	case e.Op == parser.LOR && zero(e.RHS):
		return counted(e.LHS)
	case e.Op == parser.LOR && rightKnown, e.Op == parser.ADD && rightKnown: // lest it is zero
		return counted(e.LHS).bounded()
	case e.Op == parser.ADD && leftKnown:
		return counted(e.RHS).bounded()
	case e.Op == parser.LAND && (emptyMatch(e) || single(e.RHS)): // if there is something else
		return counted(e.LHS).bounded()
	case e.Op == parser.MUL && leftKnown:
		return counted(e.RHS).by(left)
	case e.Op == parser.MUL && rightKnown:
		return counted(e.LHS).by(right)
	case e.Op == parser.DIV && rightKnown && right != 0:
		return counted(e.LHS).by(1 / right)
	}
	return count{}
}
