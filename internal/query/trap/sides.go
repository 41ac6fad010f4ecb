package trap

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/query"
)

// What is reckoned of the canary and of others by turns: the difference between them, or how
// many times as much. Whether great values are good news depends on which of them comes first.

// againstOthers is what such an expression can be; it is not ok of others.
func againstOthers(expr parser.Expr) (possible, bool) {
	b, ok := query.Bare(expr).(*parser.BinaryExpr)
	if !ok || b.Op != parser.SUB && b.Op != parser.DIV {
		return possible{}, false
	}
	l, r := possibleOf(b.LHS), possibleOf(b.RHS)
	if l.unit != r.unit || l.tone != r.tone || l.unit == 0 || l.tone == unknownTone {
		return possible{}, false
	}
	out := possible{low: math.Inf(-1), high: math.Inf(1), tone: l.tone}
	if b.Op == parser.DIV {
		out.low = 0
	} else {
		out = l.minus(r)
		out.tone = l.tone
		if l.unit == seconds || l.unit == milliseconds {
			out.unit = l.unit
		}
	}
	switch {
	case ofCanaryAlone(b.LHS) && !namesCanary(b.RHS):
		return out, true
	case ofCanaryAlone(b.RHS) && !namesCanary(b.LHS):
		out.tone = out.tone.turned()
		return out, true
	}
	return possible{}, false
}

func isCanarys(s *parser.VectorSelector) bool {
	values := query.SampleValues()
	return values.Selects(s, values.Canary)
}

// namesCanary says whether a part of an expression is of the canary's pods.
func namesCanary(expr parser.Expr) bool {
	for _, s := range selectorsIn(expr) {
		if isCanarys(s) {
			return true
		}
	}
	return false
}

// ofCanaryAlone says whether all of an expression is.
func ofCanaryAlone(expr parser.Expr) bool {
	selectors := selectorsIn(expr)
	for _, s := range selectors {
		if !isCanarys(s) {
			return false
		}
	}
	return len(selectors) > 0
}
