package analysis

import (
	"fmt"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis/evidence"
	"holdfast.dev/holdfast/internal/query"
)

// A counter without series is one of which nothing was counted yet, or one that its
// selector does not find. The second must not be taken for the first: if nothing is
// found of what was good, both sides are equally bad, and if nothing is found of what
// was bad, both are equally good. So while both sides have requests, what is missing
// is no data:
//
//   - good, a bucket (le) of what total counts, on either side: a histogram has all its
//     buckets at once;
//   - good, on both sides or on the other one, which is the measure: on the canary
//     alone it says that nothing was good there, and counts;
//   - bad, on both sides, unless it is a part of what total selects, told by labels
//     that series of total have: it is known then that it could be found;
//   - a label of which good or bad excludes values: without it all is good, or bad.
//
// Nothing is counted meanwhile. The next interval begins where this one did, and a
// counter that begins in it counts from its first increment.

// unfound says which counter of an interval is not to be found, if any.
func unfound(c v1alpha1.Comparison, s ComparisonSamples, i evidence.Interval) problem {
	missing := func(format string, args ...any) problem {
		return problem{v1alpha1.MeasuredNoData, fmt.Sprintf(format, args...)}
	}
	asked, other := i.CanaryTotal > 0, i.BaselineTotal > 0
	canaryHas, otherHas := hasSamples(s.Canary.Good), hasSamples(s.Other.Good)
	total := query.CounterOf(c.Count.Total)
	switch bucket := query.CounterOf(c.Count.Good).BucketOf(total); {
	case c.Count.Good == "":
	case bucket && asked && !canaryHas:
		return missing("%s of the canary, %s", noBucket, bucketRemedy)
	case bucket && other && !otherHas:
		return missing("%s of %s, %s", noBucket, otherSide(c), bucketRemedy)
	case asked && other && !canaryHas && !otherHas:
		return missing("the counter of what is good (good) has no series on either side, and both had requests: is its selector right?")
	case asked && other && !otherHas:
		return missing("the counter of what is good (good) has no series of %s, which had requests: the canary has nothing to be compared with. Is its selector right for both?", otherSide(c))
	}
	for _, counter := range []struct{ text, name string }{{c.Count.Good, "good"}, {c.Count.Bad, "bad"}} {
		label := query.CounterOf(counter.text).ExcludesNothing(total, counter.name == "good", s.totals())
		if label != "" && asked && other {
			return missing("the counter of what is %s excludes values of the label %s, and no series of total has it, so that it counts all: is the label called otherwise?", counter.name, label)
		}
	}
	if c.Count.Bad != "" && asked && other && !hasSamples(s.Canary.Bad) && !hasSamples(s.Other.Bad) {
		if bad := query.CounterOf(c.Count.Bad); !bad.PartOf(total, s.totals()) {
			return missing("the counter of what is bad (bad) has no series on either side: nothing was bad, or its selector finds nothing. To tell them apart, let the application export it at 0, or select it by a label that series of total have")
		}
	}
	return problem{}
}

const (
	noBucket     = "the counter of what is good (good) selects no bucket"
	bucketRemedy = "where there are requests, and a histogram has all its buckets from the first one on: is there one with this bound (le), and is the histogram a classic one?"
)

func hasSamples(series []Series) bool { return !newestSample(series).IsZero() }

// totals are the labels of all series of total.
func (s ComparisonSamples) totals() []map[string]string {
	var out []map[string]string
	for _, side := range []SideSamples{s.Canary, s.Other} {
		for _, one := range side.Total {
			out = append(out, one.Metric)
		}
	}
	return out
}
