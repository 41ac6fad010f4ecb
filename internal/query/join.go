package query

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// join rewrites an expression so that every series carries the label of its
// canary from the selector to the top. What it does not know it refuses: a
// function that treats the vector as a whole (absent, scalar, sort), one that
// looks through its argument at the selector (timestamp, info), an aggregation
// that depends on the order or the names of series (topk, limitk).
type join struct {
	podLabel string
	// capture is the regular expression whose first group is the canary's prefix.
	capture string
}

// overRange are the functions of a range that look at each series by itself.
var overRange = []string{
	"rate", "increase", "irate", "delta", "idelta", "deriv", "changes", "resets", "predict_linear",
	"avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time", "last_over_time",
	"quantile_over_time", "stddev_over_time", "stdvar_over_time", "present_over_time",
}

// perSeries are the functions of a vector that do so; histogram_quantile looks
// at the series that differ in le only.
var perSeries = []string{
	"abs", "ceil", "floor", "round", "exp", "ln", "log2", "log10", "sqrt", "sgn", "clamp", "clamp_min", "clamp_max", "histogram_quantile", "histogram_count",
}

var perGroup = []parser.ItemType{
	parser.SUM, parser.AVG, parser.MIN, parser.MAX, parser.COUNT, parser.GROUP, parser.STDDEV, parser.STDVAR, parser.QUANTILE,
}

// joiner rewrites an expression that gives a vector.
func joiner(expr parser.Expr, podLabel, capture string) (parser.Expr, bool) {
	j := join{podLabel, capture}
	if expr.Type() != parser.ValueTypeVector {
		return nil, false
	}
	return j.vector(expr)
}

// vector rewrites an expression that gives a vector, all of whose series then
// carry the label.
func (j join) vector(expr parser.Expr) (parser.Expr, bool) {
	if expr.Type() != parser.ValueTypeVector {
		return nil, false
	}
	switch e := expr.(type) {
	case *parser.ParenExpr:
		inner, ok := j.vector(e.Expr)
		return &parser.ParenExpr{Expr: inner}, ok
	case *parser.UnaryExpr:
		inner, ok := j.vector(e.Expr)
		return &parser.UnaryExpr{Op: e.Op, Expr: inner}, ok
	case *parser.VectorSelector:
		return j.label(e), plain(e)
	case *parser.Call:
		return j.call(e)
	case *parser.AggregateExpr:
		return j.aggregate(e)
	case *parser.BinaryExpr:
		return j.binary(e)
	}
	return nil, false
}

// label gives the series of an expression that still have the pod's name the
// label of their canary.
func (j join) label(expr parser.Expr) parser.Expr {
	return &parser.Call{Func: parser.Functions["label_replace"], Args: parser.Expressions{
		expr, text(BatchLabel), text("$1"), text(j.podLabel), text(j.capture),
	}}
}

func text(s string) parser.Expr { return &parser.StringLiteral{Val: s} }

func (j join) call(e *parser.Call) (parser.Expr, bool) {
	if slices.Contains(overRange, e.Func.Name) {
		return j.ranged(e)
	}
	if !slices.Contains(perSeries, e.Func.Name) {
		return nil, false
	}
	args := slices.Clone(e.Args)
	for i, arg := range e.Args {
		if arg.Type() != parser.ValueTypeVector {
			if !constant(arg) {
				return nil, false
			}
			continue
		}
		var ok bool
		if args[i], ok = j.vector(arg); !ok {
			return nil, false
		}
	}
	return &parser.Call{Func: e.Func, Args: args}, true
}

// ranged labels the result of a function over a plain range, and the inside of a subquery.
func (j join) ranged(e *parser.Call) (parser.Expr, bool) {
	args := slices.Clone(e.Args)
	labelled := true // by a subquery
	for i, arg := range e.Args {
		switch a := arg.(type) {
		case *parser.MatrixSelector:
			s, ok := a.VectorSelector.(*parser.VectorSelector)
			if !ok || a.RangeExpr != nil || !plain(s) {
				return nil, false
			}
			labelled = false
		case *parser.SubqueryExpr:
			if a.RangeExpr != nil || a.StepExpr != nil || a.OriginalOffsetExpr != nil {
				return nil, false
			}
			inner, ok := j.vector(a.Expr)
			if !ok {
				return nil, false
			}
			joined := *a
			joined.Expr, args[i] = inner, &joined
		default:
			if !constant(arg) {
				return nil, false
			}
		}
	}
	call := &parser.Call{Func: e.Func, Args: args}
	if labelled {
		return call, true
	}
	return j.label(call), true
}

func (j join) aggregate(e *parser.AggregateExpr) (parser.Expr, bool) {
	if !slices.Contains(perGroup, e.Op) || e.Param != nil && !constant(e.Param) {
		return nil, false
	}
	inner, ok := j.vector(e.Expr)
	out := &parser.AggregateExpr{Op: e.Op, Expr: inner, Param: e.Param, Grouping: e.Grouping, Without: e.Without}
	if !e.Without {
		out.Grouping = append(slices.Clone(e.Grouping), BatchLabel)
	}
	return out, ok
}

// binary: vectors are matched by all labels, and so by the canary's; where only
// some are matched on, the canary's is one of them.
func (j join) binary(e *parser.BinaryExpr) (parser.Expr, bool) {
	out := &parser.BinaryExpr{Op: e.Op, LHS: e.LHS, RHS: e.RHS, ReturnBool: e.ReturnBool}
	if m := e.VectorMatching; m != nil {
		if m.FillValues != (parser.VectorMatchFillValues{}) {
			return nil, false
		}
		matching := *m
		if m.On {
			matching.MatchingLabels = append(slices.Clone(m.MatchingLabels), BatchLabel)
		}
		out.VectorMatching = &matching
	}
	for side, into := range map[parser.Expr]*parser.Expr{e.LHS: &out.LHS, e.RHS: &out.RHS} {
		if side.Type() != parser.ValueTypeVector {
			if !constant(side) {
				return nil, false
			}
			continue
		}
		joined, ok := j.vector(side)
		if !ok {
			return nil, false
		}
		*into = joined
	}
	return out, true
}

// constant: a scalar that depends on no series.
func constant(expr parser.Expr) bool {
	if expr.Type() != parser.ValueTypeScalar {
		return false
	}
	switch e := expr.(type) {
	case *parser.NumberLiteral:
		return true
	case *parser.ParenExpr:
		return constant(e.Expr)
	case *parser.UnaryExpr:
		return constant(e.Expr)
	case *parser.BinaryExpr:
		return constant(e.LHS) && constant(e.RHS)
	}
	return false
}

// plain: a selector without the modifiers that are experiments.
func plain(s *parser.VectorSelector) bool {
	return s.OriginalOffsetExpr == nil && !s.Anchored && !s.Smoothed && !s.BypassEmptyMatcherCheck
}
