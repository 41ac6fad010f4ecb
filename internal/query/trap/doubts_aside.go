package trap

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/query"
)

// What is reckoned from a share without being one: a canary of whose requests all fail has
// the same as one of which none does.

// asideDoubts tell of it where no other metric of the plan is of failures.
func asideDoubts(expr parser.Expr, watched bool) []doubt {
	var out []doubt
	query.Each(expr, func(node parser.Expr, path []parser.Node) {
		name, of, says := aside(node)
		if of == nil || watched || len(out) > 0 || related(node, path) {
			return
		}
		if values := possibleOf(of); values.all() > 0 && values.tone != unknownTone {
			out = append(out, doubtf(doubtAside, "query", "%s(…) is %s, whatever the share is; judge the share itself", name, says))
		}
	})
	return out
}

// aside is the function of what is no longer how bad something is, what it is of, and what
// it is instead; of is nil of others.
func aside(node parser.Expr) (name string, of parser.Expr, says string) {
	switch e := node.(type) {
	case *parser.AggregateExpr:
		name, of = e.Op.String(), e.Expr
		switch e.Op {
		case parser.COUNT:
			says = "how many series there are"
		case parser.STDDEV, parser.STDVAR:
			says = "how far the series are apart, which is 0 where all are as bad and where there is one pod"
		}
	case *parser.Call:
		name = e.Func.Name
		if len(e.Args) > 0 {
			of = e.Args[0]
		}
		switch name {
		case "count_over_time":
			says = "how many values there were"
		case "timestamp":
			says = "when it was measured"
		case "deriv", "delta", "idelta", "stddev_over_time", "stdvar_over_time", "changes":
			says = "how much it changes, which is 0 where the canary is as bad all the time"
		}
	}
	if says == "" || of == nil || filtered(of) {
		return "", nil, ""
	}
	return name, of, says
}

// filtered says whether a comparison has chosen the series by their values.
func filtered(expr parser.Expr) bool {
	if s, ok := query.Bare(expr).(*parser.SubqueryExpr); ok {
		expr = s.Expr
	}
	b, ok := query.Bare(expr).(*parser.BinaryExpr)
	return ok && (b.Op.IsComparisonOperator() && !b.ReturnBool || b.Op.IsSetOperator())
}

// onlyAside says whether what stands in these nodes is only in what is reckoned aside.
func onlyAside(path []parser.Node) bool {
	return slices.ContainsFunc(path, func(n parser.Node) bool {
		expr, ok := n.(parser.Expr)
		if !ok {
			return false
		}
		_, of, _ := aside(expr)
		return of != nil && possibleOf(of).all() > 0 // and not how many failures there were
	})
}
