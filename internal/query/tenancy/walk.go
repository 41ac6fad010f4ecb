package tenancy

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// walk visits every selector of an expression, also those in the parameter of an
// aggregation. Whatever it does not know is refused.
func walk(expr parser.Expr, visit func(*parser.VectorSelector) error) error {
	switch e := expr.(type) {
	case *parser.NumberLiteral, *parser.StringLiteral:
		return nil
	case *parser.ParenExpr:
		return walk(e.Expr, visit)
	case *parser.UnaryExpr:
		return walk(e.Expr, visit)
	case *parser.BinaryExpr:
		return walkAll(visit, e.LHS, e.RHS)
	case *parser.AggregateExpr:
		if e.Param != nil {
			return walkAll(visit, e.Expr, e.Param)
		}
		return walk(e.Expr, visit)
	case *parser.Call:
		return walkCall(e, visit)
	case *parser.VectorSelector:
		return walkSelector(e, visit)
	case *parser.MatrixSelector:
		if err := walkDurations(e.RangeExpr); err != nil {
			return err
		}
		return walk(e.VectorSelector, visit)
	case *parser.SubqueryExpr:
		if err := walkDurations(e.RangeExpr, e.StepExpr, e.OriginalOffsetExpr); err != nil {
			return err
		}
		return walk(e.Expr, visit)
	}
	return refuse(0, "the query has a part (%T) of which it is not known whether it keeps to its namespace", expr)
}

func walkAll(visit func(*parser.VectorSelector) error, exprs ...parser.Expr) error {
	for _, expr := range exprs {
		if err := walk(expr, visit); err != nil {
			return err
		}
	}
	return nil
}

func walkCall(e *parser.Call, visit func(*parser.VectorSelector) error) error {
	at := int(e.PosRange.Start)
	switch {
	case e.Func.Name == "info":
		return refuse(at, "info(…) looks up series that no matcher of the query is on, and this endpoint shows each namespace its own only; join the series you mean by “* on (…) group_left (…)”")
	case !slices.Contains(known, e.Func.Name):
		return refuse(at, "it is not known whether the function %s(…) keeps to its namespace, and this endpoint shows each namespace its own series only", e.Func.Name)
	}
	return walkAll(visit, e.Args...)
}

func walkSelector(e *parser.VectorSelector, visit func(*parser.VectorSelector) error) error {
	if e.BypassEmptyMatcherCheck {
		return refuse(int(e.PosRange.Start), "the query has a selector that stands for matchers only")
	}
	if err := walkDurations(e.OriginalOffsetExpr); err != nil {
		return err
	}
	return visit(e)
}

// walkDurations sees that computed durations are made of numbers, and of the
// step and the range of the query.
func walkDurations(exprs ...*parser.DurationExpr) error {
	for _, e := range exprs {
		if e == nil {
			continue
		}
		for _, side := range []parser.Expr{e.LHS, e.RHS} {
			switch part := side.(type) {
			case nil, *parser.NumberLiteral:
			case *parser.DurationExpr:
				if err := walkDurations(part); err != nil {
					return err
				}
			default:
				return refuse(0, "the query has a duration made of a part (%T) of which it is not known whether it keeps to its namespace", part)
			}
		}
	}
	return nil
}

// known are the functions whose value depends on nothing but their arguments,
// the time and the step. A test compares them with those of Prometheus's parser:
// a new one has to be looked at, by its evaluation in promql/functions.go.
var known = []string{
	"abs", "absent", "absent_over_time", "acos", "acosh", "asin", "asinh", "atan", "atanh", "avg_over_time",
	"ceil", "changes", "clamp", "clamp_max", "clamp_min", "cos", "cosh", "count_over_time",
	"day_of_month", "day_of_week", "day_of_year", "days_in_month", "deg", "delta", "deriv", "double_exponential_smoothing",
	"end", "exp", "first_over_time", "floor",
	"histogram_avg", "histogram_count", "histogram_fraction", "histogram_quantile", "histogram_quantiles",
	"histogram_stddev", "histogram_stdvar", "histogram_sum", "hour",
	"idelta", "increase", "irate", "label_join", "label_replace", "last_over_time", "ln", "log10", "log2",
	"mad_over_time", "max_of", "max_over_time", "min_of", "min_over_time", "minute", "month",
	"pi", "predict_linear", "present_over_time", "quantile_over_time", "rad", "range", "rate", "resets", "round",
	"scalar", "sgn", "sin", "sinh", "sort", "sort_by_label", "sort_by_label_desc", "sort_desc", "sqrt",
	"start", "start_timestamp", "stddev_over_time", "stdvar_over_time", "step", "sum_over_time", "tan", "tanh", "time", "timestamp",
	"ts_of_first_over_time", "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time", "vector", "year",
}
