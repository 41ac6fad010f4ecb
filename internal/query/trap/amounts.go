package trap

import (
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// unlikeAmounts: of a quotient of counts over different times, or joined in different
// ways, the units do not cancel, and the value is wrong by a factor. So it is where a count
// is added to a share.
func unlikeAmounts(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		if b.Op == parser.ADD || b.Op == parser.SUB {
			if says := amountAndShare(b); says != "" {
				out = append(out, caught{b, says})
			}
		}
		if b.Op != parser.DIV {
			return
		}
		for part, whole := range pairs(addends(b.LHS), addends(b.RHS)) {
			if says := unlike(part.count, whole.count); says != "" {
				out = append(out, caught{b, says})
				return
			}
		}
	})
	return out
}

// amountAndShare: division binds more than a sum does. What says that to people is not a number, as a 1 is.
func amountAndShare(b *parser.BinaryExpr) string {
	for _, sides := range [][2]parser.Expr{{b.LHS, b.RHS}, {b.RHS, b.LHS}} {
		amount, share := counted(sides[0]), possibleOf(sides[1])
		if amount.selector == nil || amount.over == "" || possibleOf(sides[0]).unit != 0 || len(selectorsIn(sides[1])) == 0 {
			continue
		}
		if _, quotient := query.Bare(sides[1]).(*parser.BinaryExpr); quotient && share.all() > 0 {
			return "one side is " + amount.amount() + ", and the other is a share, so neither their sum nor their difference says anything; put the sum or difference in parentheses, and divide that"
		}
	}
	return ""
}

// pairs are those of a first list with the first of another, and the other way round: as
// many as there are.
func pairs(above, below []addend) func(yield func(addend, addend) bool) {
	return func(yield func(addend, addend) bool) {
		for _, part := range above {
			if !yield(part, below[0]) {
				return
			}
		}
		for _, whole := range below[1:] {
			if !yield(above[0], whole) {
				return
			}
		}
	}
}

// unlike says what does not cancel in a quotient of two counts, "" if nothing is known of it.
func unlike(part, whole count) string {
	if part.selector == nil || whole.selector == nil {
		return ""
	}
	_, shaped := shape(part.selector, whole.selector)
	_, ok := times(part, whole)
	above, below := part.spans(), whole.spans()
	const remedy = "; take the same function, over the same window, on both sides"
	switch {
	case shaped && sumByOther(part, whole):
		return fmt.Sprintf("one side is %s and the other %s, so the value is wrong by how many series there are; put sum(…) around both", outermost(part), outermost(whole))
	case ok:
		return ""
	case above == 0 || below == 0:
		if shaped && part.over != whole.over {
			return fmt.Sprintf("what is divided is %s, and what it is divided by %s", part.amount(), whole.amount()) + remedy
		}
	case part.over == whole.over && sameAs(part.selector, whole.selector): // the last of it in more of it
	case above > below:
		return fmt.Sprintf("what is divided is %s, and what it is divided by %s: the value is %.4g times too great", part.amount(), whole.amount(), above/below) + remedy
	default:
		return fmt.Sprintf("what is divided is %s, and what it is divided by %s: the value is %.4g times too small", part.amount(), whole.amount(), below/above) + remedy
	}
	return ""
}

// sumByOther says whether one of two counts is a sum and the other an average or the like.
func sumByOther(a, b count) bool {
	const sum = "sum(…)"
	return a.joined != "" && b.joined != "" && outermost(a) != outermost(b) && (outermost(a) == sum || outermost(b) == sum)
}

func outermost(c count) string {
	first, _, _ := strings.Cut(c.joined, " ")
	return first + "(…)"
}

// amount says for people of what time a count is.
func (c count) amount() string {
	switch {
	case c.over == "":
		return "the count since the start"
	case c.spans() == 1:
		return "a rate, of one second"
	case c.spans() > 0:
		return "an amount over " + query.Duration(c.window)
	case strings.HasSuffix(c.over, "_over_time"):
		return c.over + "(…) of the count since the start"
	}
	return "an amount"
}
