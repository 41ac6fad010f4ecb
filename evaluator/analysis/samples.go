package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// Samples: an instant query has one sample of each series, a range query many.
// All of them must be good, or the newest, or a share of them. A series counts
// as there as long as it has a sample within one step of the time asked for.
// One that ended before that still counts with all its samples, and not where
// only the newest sample does: its newest is old. If none is there any more,
// the answer is no data, however good it was.

// track is a series with its samples, oldest first; there is always one.
type track struct {
	series  string
	label   map[string]string
	samples []reading
	ended   bool
}

// reading is one value, with what it consists of, for people.
type reading struct {
	at    time.Time
	value float64
	note  string
}

// problem is why an answer cannot be judged. Its zero value is none.
type problem struct{ reason, says string }

// tracksOf are the series of an answer that count, in order of their labels,
// and what is missing among them.
func tracksOf(metric v1alpha1.Metric, at time.Time, o Observation) (tracks []track, missing string, found problem) {
	series := slices.SortedFunc(slices.Values(o.Series), func(a, b Series) int { return strings.Compare(a.Labels, b.Labels) })
	podLabel := podLabelOf(metric, o)
	if metric.Per == v1alpha1.PerPod {
		if series, found = ofPods(series, podLabel, o.Pods); found.reason != "" {
			return nil, "", found
		}
	}
	by := ""
	if metric.Per == v1alpha1.PerPod {
		by = podLabel
	}
	switch e, mistake := query.ParseExpectation(metric.Expect); {
	case metric.List != nil:
		tracks, found = shares(*metric.List, series, by, at)
	case metric.Expect != "" && mistake == nil && e.Success():
		tracks, found = successes(metric, e, series, by, at, o.Examples)
	default:
		for _, s := range series {
			if t := newTrack(s, at); len(t.samples) > 0 {
				tracks = append(tracks, t)
			}
		}
	}
	if found.reason != "" {
		return nil, "", found
	}
	tracks = living(metric, tracks, at)
	if metric.Per == v1alpha1.PerPod {
		missing = podsWithout(tracks, podLabel, o)
	}
	return tracks, missing, remembered(metric, tracks)
}

func newTrack(s Series, at time.Time) track {
	t := track{series: s.Labels, label: s.Metric}
	if s.Samples == nil {
		t.samples = []reading{{at: at, value: s.Value}}
	}
	for _, one := range s.Samples {
		t.samples = append(t.samples, reading{at: one.Time, value: one.Value})
	}
	return t
}

// living leaves out what has ended and does not count; all of it where nothing
// else is there.
func living(metric v1alpha1.Metric, tracks []track, at time.Time) []track {
	if metric.Over == nil {
		return tracks
	}
	step := Step(*metric.Over)
	there := 0
	for i := range tracks {
		newest := tracks[i].samples[len(tracks[i].samples)-1]
		tracks[i].ended = !newest.at.After(at.Add(-step))
		if !tracks[i].ended {
			there++
		}
	}
	if there == 0 {
		return nil
	}
	if metric.Samples == v1alpha1.SamplesLast {
		return slices.DeleteFunc(tracks, func(t track) bool { return t.ended })
	}
	return tracks
}

// Step is the time between two samples of a range query.
func Step(over v1alpha1.Over) time.Duration {
	if over.Step == nil {
		return 15 * time.Second
	}
	return max(over.Step.Duration, time.Second)
}

// samplesRule is what the rule says of the samples of a range query.
func samplesRule(metric v1alpha1.Metric) string {
	if metric.Over == nil {
		return ""
	}
	window := query.Duration(metric.Over.Duration.Duration)
	switch metric.Samples {
	case "", v1alpha1.SamplesAll:
		return fmt.Sprintf(", all samples of %s", window)
	case v1alpha1.SamplesLast:
		return fmt.Sprintf(", the last sample of %s", window)
	default:
		return fmt.Sprintf(", %s of the samples of %s", metric.Samples, window)
	}
}

// keysOf are the keys of a map in order.
func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
