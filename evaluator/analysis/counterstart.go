package analysis

import (
	"time"

	"holdfast.dev/holdfast/evaluator/analysis/evidence"
)

// A counter that appears with its first increment, at 1, has no sample at 0 before
// it. To take every new series from 0 would count all that a pod had ever counted
// whenever it is scraped again after a pause. So a series is taken from 0 where it
// is known to have begun behind the samples that were asked for:
//
//   - its pod was made since then, so nothing of it can be older; or
//   - the same target was scraped before, without it.
//
// Any other one begins with its first sample, and what it had until then is not
// counted.

// target is what a scrape is of: what one of its series lacks, it had not made yet.
type target struct{ pod, instance, job string }

// counterStarts knows of the series of a side when they may be taken from 0.
type counterStarts struct {
	podLabel string
	asked    time.Time
	made     map[string]time.Time
	scraped  map[target]time.Time
}

// startsOf looks at all counters of a side, asked for since a time.
func startsOf(s SideSamples, podLabel string, asked time.Time) counterStarts {
	c := counterStarts{podLabel: podLabel, asked: asked, made: s.Made, scraped: map[target]time.Time{}}
	for _, series := range [][]Series{s.Bad, s.Good, s.Total} {
		for _, one := range series {
			t := c.targetOf(one)
			if first, known := c.scraped[t]; len(one.Samples) > 0 && (!known || one.Samples[0].Time.Before(first)) {
				c.scraped[t] = one.Samples[0].Time
			}
		}
	}
	return c
}

func (c counterStarts) targetOf(s Series) target {
	return target{s.Metric[c.podLabel], s.Metric["instance"], s.Metric["job"]}
}

// startedAtZero says whether a series began at 0, with nothing of it before its first sample.
func (c counterStarts) startedAtZero(s Series) bool {
	t := c.targetOf(s)
	if made, known := c.made[t.pod]; known && !made.Before(c.asked) {
		return true
	}
	return len(s.Samples) > 0 && c.scraped[t].Before(s.Samples[0].Time)
}

// rise is by how much the series of a counter have risen together.
func (c counterStarts) rise(series []Series, from, to time.Time) float64 {
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
		if first := points[0].Time; first.After(from) && !c.startedAtZero(s) {
			start = first
		}
		sum += evidence.Increase(points, start, to)
	}
	return sum
}
