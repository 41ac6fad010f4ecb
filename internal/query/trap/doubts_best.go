package trap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// bestDoubts: the best of several series, or of several moments, hides the others, a low
// quantile all slow requests, and a rate that is rounded what is less than one each second.
// There is one at most.
func bestDoubts(r v1alpha1.Range, expr parser.Expr) []doubt {
	says := ""
	query.Each(expr, func(node parser.Expr, path []parser.Node) {
		if says != "" {
			return
		}
		switch e := node.(type) {
		case *parser.AggregateExpr:
			says = bestSeries(e)
		case *parser.Call:
			if says = bestMoment(e); says == "" && r.Max != nil && r.Min == nil {
				says = quickOnes(e)
			}
		}
		if says != "" && related(node, path) {
			says = ""
		}
	})
	query.Each(expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		c, ok := query.Bare(b.LHS).(*parser.Call)
		if b.Op != parser.DIV || !ok || says != "" || c.Func.Name != "floor" && c.Func.Name != "round" {
			return
		}
		if counted(c.Args[0]).spans() == 1 && stepOf(c) >= 1 {
			says = c.Func.Name + "(…) makes 0 of a rate that is less than one each second; leave it out"
		}
	})
	if says == "" {
		return nil
	}
	return []doubt{{doubtLax, "query", says}}
}

// related says whether a value is reckoned with another one: what is the least may be
// taken from the greatest, and what stands in a guard is not judged.
func related(node parser.Node, path []parser.Node) bool {
	for i := len(path) - 1; i >= 0; i-- {
		if b, ok := path[i].(*parser.BinaryExpr); ok {
			other := b.LHS
			if b.LHS == node {
				other = b.RHS
			}
			if len(selectorsIn(other)) > 0 && (b.RHS == node || !takesLeft(b)) {
				return true
			}
		}
		node = path[i]
	}
	return false
}

// bestSeries is what an aggregation takes of several series, "" if that is not the best.
func bestSeries(e *parser.AggregateExpr) string {
	values := possibleOf(e.Expr)
	if values.unit == 0 || single(e.Expr) {
		return ""
	}
	var least, most bool
	switch e.Op {
	case parser.MIN, parser.MAX:
		least, most = e.Op == parser.MIN, e.Op == parser.MAX
	case parser.BOTTOMK, parser.TOPK:
		least, most = e.Op == parser.BOTTOMK, e.Op == parser.TOPK
	case parser.QUANTILE:
		least, most = endOf(e.Param)
	}
	if e.Without || len(e.Grouping) > 0 || !values.best(least, most) {
		return ""
	}
	return fmt.Sprintf("%s(…) is the best of several series, such as of pods, and hides how bad the others are; take %s(…)", e.Op, worst(least))
}

// bestMoment is what a function takes of several moments, "" if that is not the best.
func bestMoment(e *parser.Call) string {
	of := 0
	var least, most bool
	switch e.Func.Name {
	case "min_over_time":
		least = true
	case "max_over_time":
		most = true
	case "quantile_over_time":
		of = 1
		least, most = endOf(e.Args[0])
	default:
		return ""
	}
	values := possibleOf(e.Args[of])
	if values.unit == 0 || !values.best(least, most) {
		return ""
	}
	return fmt.Sprintf("%s(…) is the best moment of its window, and hides how bad the canary was in the others; take avg_over_time(…) or %s_over_time(…)", e.Func.Name, worst(least))
}

// endOf says whether a quantile is nearer to the least or to the greatest.
func endOf(quantile parser.Expr) (least, most bool) {
	q, known := numberOf(quantile)
	return known && q < middle, known && q > middle
}

// best says whether the least, or the greatest, of these values is the best.
func (p possible) best(least, most bool) bool {
	return least && p.tone == unwanted || most && p.tone == wanted
}

func worst(least bool) string {
	if least {
		return "max"
	}
	return "min"
}

// quickOnes: a low quantile is how long the quick ones of a histogram take.
func quickOnes(e *parser.Call) string {
	if e.Func.Name != "histogram_quantile" {
		return ""
	}
	q, known := numberOf(e.Args[0])
	lasts := slices.ContainsFunc(selectorsIn(e), func(s *parser.VectorSelector) bool {
		return strings.Contains(s.Name, "duration") || strings.Contains(s.Name, "latency")
	})
	if !known || q >= middle || possibleOf(e).tone != unwanted && !lasts {
		return ""
	}
	return fmt.Sprintf("histogram_quantile(%g, …) with a max lets %s of the requests take any time; a high quantile such as 0.99 is what most of them keep", q, percentOf(1-q))
}

// middle is the median.
const middle = 0.5
