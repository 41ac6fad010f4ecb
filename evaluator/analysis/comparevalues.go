package analysis

import (
	"cmp"
	"fmt"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis/evidence"
)

// Values of two sides: one of each window since the comparison began, the windows
// not overlapping. Nothing is remembered; all of them are asked for again.

func judgeValuesOfSides(metric v1alpha1.Metric, _ v1alpha1.MetricStatus, at time.Time, o Observation) (evidence.Result, problem) {
	c := *metric.Compare
	canary, found := oneSeries("the canary", o.Comparison.Canary.Values)
	if found.reason != "" {
		return evidence.Result{}, found
	}
	other, found := oneSeries(otherSide(c), o.Comparison.Other.Values)
	if found.reason != "" {
		return evidence.Result{}, found
	}
	n, err := numbersOf(c, o.FalseAlarms)
	if err != nil {
		return evidence.Result{}, problem{v1alpha1.MeasuredError, err.Error()}
	}
	values := evidence.ValueTest{
		Worse: evidence.WorseWhen(cmp.Or(c.Worse, v1alpha1.WorseHigher)), Tolerance: n.tolerance, Slack: n.slack, Catch: n.catch,
		Alpha: n.alpha, Beta: evidence.DefaultMisses, MinPoints: pointsOf(c), Unit: c.Unit,
	}
	window := time.Second
	if metric.Window != nil {
		window = metric.Window.Duration
	}
	r, err := values.Judge(evidence.Pairs(canary, other, window))
	if err != nil {
		return evidence.Result{}, problem{v1alpha1.MeasuredError, err.Error()}
	}
	return r, noneOfBoth(canary, other, window, *o.Comparison, at)
}

func oneSeries(side string, series []Series) ([]evidence.Point, problem) {
	if len(series) > 1 {
		return nil, problem{v1alpha1.MeasuredTooManySeries, fmt.Sprintf(
			"the query gave %d series of %s, and one value of each side is compared; put sum(…), max(…) or the like around it", len(series), side)}
	}
	var out []evidence.Point
	for _, s := range series {
		for _, sample := range s.Samples {
			out = append(out, evidence.Point{Time: sample.Time, Value: sample.Value})
		}
	}
	return out, problem{}
}

// noneOfBoth: in the newest windows one of the sides has no value.
func noneOfBoth(canary, other []evidence.Point, window time.Duration, s ComparisonSamples, at time.Time) problem {
	newest := newestFinite(canary)
	if t := newestFinite(other); t.Before(newest) {
		newest = t
	}
	switch patience := 2*window + s.patience(); {
	case newest.IsZero():
		return problem{v1alpha1.MeasuredNoData, "there was no window in which both sides had a value: is there traffic, are the pods scraped, is the query right?"}
	case at.Sub(newest) > patience:
		return problem{v1alpha1.MeasuredNoData, "since " + newest.UTC().Format(time.RFC3339) + " no window has had a value of both sides"}
	}
	return problem{}
}

func newestFinite(points []evidence.Point) time.Time {
	var newest time.Time
	for _, p := range points {
		if finite(p.Value) && p.Time.After(newest) {
			newest = p.Time
		}
	}
	return newest
}
