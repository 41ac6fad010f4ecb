package analysis

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis/evidence"
	"holdfast.dev/holdfast/internal/query"
)

// Counts: what counters have risen by since the time that was counted to. Both
// sides are counted to one time, at which both had been scraped; the rest is of
// the next interval. That time stands in the status beside the evidence, so an
// interval is never counted twice, whoever counts it.

// longest is how long an interval may be; of more, the beginning is left out.
const longest = time.Hour

// CountFrom is the time from which counters are counted next.
func CountFrom(before v1alpha1.MetricStatus, since, at time.Time) time.Time {
	from := since
	if c := before.Compared; c != nil && c.Until.After(from) {
		from = c.Until.Time
	}
	if earliest := at.Add(-longest); from.Before(earliest) {
		return earliest
	}
	return from
}

func countsOf(c v1alpha1.Comparison, falseAlarms float64) (evidence.CountTest, error) {
	n, err := numbersOf(c, falseAlarms)
	if err != nil {
		return evidence.CountTest{}, err
	}
	out := evidence.CountTest{
		Tolerance: n.tolerance, Slack: n.slack, Catch: n.catch, Alpha: n.alpha, Beta: evidence.DefaultMisses,
		Burst: 1, MinPoints: pointsOf(c), Words: evidence.Words{Noun: c.Unit},
	}
	if c.Burst != nil {
		out.Burst = float64(*c.Burst)
	}
	if c.Minimum.Total != nil {
		out.MinTotal = float64(*c.Minimum.Total)
	}
	if c.Count.Good != "" {
		out.Words.Verb = "was not good in"
	}
	return out, nil
}

func judgeCounts(metric v1alpha1.Metric, before v1alpha1.MetricStatus, at time.Time, o Observation) (evidence.Result, problem) {
	compared, found := countOn(metric, before, at, o)
	if found.reason != "" {
		return evidence.Result{}, found
	}
	counts, err := countsOf(*metric.Compare, o.FalseAlarms)
	if err != nil {
		return evidence.Result{}, problem{v1alpha1.MeasuredError, err.Error()}
	}
	r, err := counts.Judge(tallyOf(compared))
	if err != nil {
		return evidence.Result{}, problem{v1alpha1.MeasuredError, err.Error()}
	}
	return r, notScraped(*metric.Compare, *o.Comparison, at)
}

// notScraped: what has no new samples may be gone, and was never found good since.
func notScraped(c v1alpha1.Comparison, s ComparisonSamples, at time.Time) problem {
	for _, side := range []struct {
		name  string
		total []Series
	}{{"the canary", s.Canary.Total}, {otherSide(c), s.Other.Total}} {
		switch newest := newestSample(side.total); {
		case newest.IsZero():
			return problem{v1alpha1.MeasuredNoData, fmt.Sprintf("the counter of all (total) has no series of %s: is there traffic, is the pod scraped, is the selector right?%s", side.name, nativeHint(*c.Count))}
		case at.Sub(newest) > s.patience():
			return problem{v1alpha1.MeasuredNoData, fmt.Sprintf("the counter of all (total) of %s has had no samples since %s", side.name, newest.UTC().Format(time.RFC3339))}
		}
	}
	return problem{}
}

// nativeHint: a histogram may have none of the series that are counted.
func nativeHint(c v1alpha1.Counted) string {
	name := query.CounterOf(c.Total).Name
	for _, suffix := range []string{"_count", "_bucket"} {
		if base, is := strings.CutSuffix(name, suffix); is {
			return fmt.Sprintf(" Is %s a native histogram? It has no %s: compare its quantile by a query", base, suffix)
		}
	}
	return ""
}

// tallied returns the status with what a comparison of counts remembers.
func tallied(metric v1alpha1.Metric, s v1alpha1.MetricStatus, at time.Time, o Observation) v1alpha1.MetricStatus {
	if metric.Compare == nil || metric.Compare.Count == nil || o.Comparison == nil || o.Error != "" || o.WrongType != "" || len(o.Warnings) > 0 {
		return s
	}
	s.Compared, _ = countOn(metric, s, o.askedAt(at), o)
	return s
}

// countOn adds the interval from what was counted to. One that cannot be is
// passed over and told; one of which a counter is missing is not counted yet.
func countOn(metric v1alpha1.Metric, before v1alpha1.MetricStatus, at time.Time, o Observation) (*v1alpha1.Compared, problem) {
	counts, err := countsOf(*metric.Compare, o.FalseAlarms)
	if err != nil {
		return before.Compared, problem{v1alpha1.MeasuredError, err.Error()}
	}
	s := o.Comparison
	from, to := CountFrom(before, s.Since, at), newestSample(s.Canary.Total)
	if other := newestSample(s.Other.Total); other.Before(to) {
		to = other
	}
	if !to.After(from) {
		return before.Compared, problem{}
	}
	var i evidence.Interval
	podLabel := cmp.Or(o.PodLabel, "pod")
	i.CanaryBad, i.CanaryTotal = s.Canary.risen(*metric.Compare.Count, from, to, startsOf(s.Canary, podLabel, s.Asked))
	i.BaselineBad, i.BaselineTotal = s.Other.risen(*metric.Compare.Count, from, to, startsOf(s.Other, podLabel, s.Asked))
	if found := unfound(*metric.Compare, *s, i); found.reason != "" {
		return before.Compared, found
	}
	tally, err := counts.Add(tallyOf(before.Compared), i)
	after := &v1alpha1.Compared{Until: metav1.NewMicroTime(to), Tally: storedTally(tally)}
	if err != nil {
		return after, problem{v1alpha1.MeasuredNoCount, "this interval is passed over: " + err.Error()}
	}
	return after, problem{}
}

// risen is by how much the counters of a side have risen.
func (s SideSamples) risen(c v1alpha1.Counted, from, to time.Time, b counterStarts) (bad, total float64) {
	total = b.rise(s.Total, from, to)
	if c.Good != "" {
		return total - b.rise(s.Good, from, to), total
	}
	return b.rise(s.Bad, from, to), total
}

func newestSample(series []Series) time.Time {
	var newest time.Time
	for _, s := range series {
		for _, sample := range s.Samples {
			if sample.Time.After(newest) && !math.IsNaN(sample.Value) {
				newest = sample.Time
			}
		}
	}
	return newest
}

func tallyOf(c *v1alpha1.Compared) evidence.Tally {
	if c == nil {
		return evidence.Tally{}
	}
	t := c.Tally
	return evidence.Tally{
		Sum: evidence.Interval(t.Sum), Points: int(t.Points), Idle: int(t.Idle),
		Log: t.Log, Worse: t.Worse, NotWorse: t.NotWorse,
	}
}

func storedTally(t evidence.Tally) v1alpha1.Tally {
	return v1alpha1.Tally{
		Sum: v1alpha1.Counts(t.Sum), Points: int32(t.Points), Idle: int32(t.Idle),
		Log: t.Log, Worse: t.Worse, NotWorse: t.NotWorse,
	}
}
