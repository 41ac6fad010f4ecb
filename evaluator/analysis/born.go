package analysis

import (
	"time"

	"holdfast.dev/holdfast/evaluator/analysis/evidence"
)

// A counter that appears with its first increment, at 1, has no sample at 0 before
// it. To take every new series from 0 would count all that a pod had ever counted
// whenever it is scraped again after a pause. So a series is taken from 0 where it
// is known to have been born behind the samples that were asked for:
//
//   - its pod was made since then, so nothing of it can be older; or
//   - the same target was scraped before, without it.
//
// Any other one begins with its first sample, and what it had until then is not
// counted.

// target is what a scrape is of: what one of its series lacks, it had not made yet.
type target struct{ pod, instance, job string }

// births knows of the series of a side when they may be taken from 0.
type births struct {
	podLabel string
	asked    time.Time
	made     map[string]time.Time
	scraped  map[target]time.Time
}

// birthsOf looks at all counters of a side, asked for since a time.
func birthsOf(s Side, podLabel string, asked time.Time) births {
	b := births{podLabel: podLabel, asked: asked, made: s.Made, scraped: map[target]time.Time{}}
	for _, series := range [][]Series{s.Bad, s.Good, s.Total} {
		for _, one := range series {
			t := b.targetOf(one)
			if first, known := b.scraped[t]; len(one.Samples) > 0 && (!known || one.Samples[0].Time.Before(first)) {
				b.scraped[t] = one.Samples[0].Time
			}
		}
	}
	return b
}

func (b births) targetOf(s Series) target {
	return target{s.Metric[b.podLabel], s.Metric["instance"], s.Metric["job"]}
}

// born says whether a series began at 0, with nothing of it before its first sample.
func (b births) born(s Series) bool {
	t := b.targetOf(s)
	if made, known := b.made[t.pod]; known && !made.Before(b.asked) {
		return true
	}
	return len(s.Samples) > 0 && b.scraped[t].Before(s.Samples[0].Time)
}

// rise is by how much the series of a counter have risen together.
func (b births) rise(series []Series, from, to time.Time) float64 {
	sum := 0.0
	for _, s := range series {
		if len(s.Samples) == 0 {
			continue
		}
		points := make([]evidence.Point, len(s.Samples))
		for i, sample := range s.Samples {
			points[i] = evidence.Point{Time: sample.Time, Value: sample.Value}
		}
		start := from
		if first := points[0].Time; first.After(from) && !b.born(s) {
			start = first
		}
		sum += evidence.Increase(points, start, to)
	}
	return sum
}
