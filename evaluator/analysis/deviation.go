package analysis

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// Deviation: a value lies no farther than the amount from its reference, ends
// included, on the side that counts. References are 1, for a ratio; the first
// value of the same series; or its newest good value. A jump does not become
// good by staying: what is bad is no reference.
//
// The first value of a series is compared with nothing and counts as missing
// data, so that a canary cannot pass by one measurement. References stand in
// the run's status, by the labels of the series, for so many series at most;
// one that is not there for a while keeps its reference.

// maxReferences is for how many series references are kept.
const maxReferences = 20

func deviating(d v1alpha1.Deviation, before v1alpha1.MetricStatus) (criterion, error) {
	by, err := query.ParseAmount(d.By)
	if err != nil {
		return criterion{}, fmt.Errorf("deviation by %q %w", d.By, err)
	}
	c := criterion{say: func(v float64, l limits, _ string) string { return l.say(v) }}
	if d.From == v1alpha1.FromOne {
		l := limitsAround(1, by, d.Direction)
		c.rule = l.text() + fmt.Sprintf(" (1, %s)", amountText(d))
		c.limits = func(string) (limits, bool) { return l, true }
		c.ruleOf = func(limits) string { return c.rule }
		return c, nil
	}
	what, references := "the first value", before.First
	if d.From == v1alpha1.FromPrevious {
		what, references = "the value before", before.Previous
	}
	c.rule = what + ", " + amountText(d)
	c.limits = func(series string) (limits, bool) {
		key := referenceKey(series)
		i := slices.IndexFunc(references, func(r v1alpha1.SeriesValue) bool { return r.Labels == key })
		if i < 0 {
			return limits{}, false
		}
		return limitsAround(references[i].Value, by, d.Direction), true
	}
	c.ruleOf = func(l limits) string { return l.text() + " (" + c.rule + ")" }
	return c, nil
}

func limitsAround(reference float64, by query.Amount, side v1alpha1.Direction) limits {
	distance := by.Value
	if by.Share {
		distance *= math.Abs(reference)
	}
	low, high := reference-distance, reference+distance
	var l limits
	if side != v1alpha1.DirectionUp {
		l.Min = &low
	}
	if side != v1alpha1.DirectionDown {
		l.Max = &high
	}
	return l
}

func amountText(d v1alpha1.Deviation) string {
	switch d.Direction {
	case v1alpha1.DirectionUp:
		return "at most " + d.By + " up"
	case v1alpha1.DirectionDown:
		return "at most " + d.By + " down"
	default:
		return "at most " + d.By + " up or down"
	}
}

// remembers says whether a metric needs references.
func remembers(metric v1alpha1.Metric) bool {
	return metric.Deviation != nil && metric.Deviation.From != v1alpha1.FromOne
}

// remembered is a problem where there are more series than references are kept of.
func remembered(metric v1alpha1.Metric, tracks []track) problem {
	if !remembers(metric) || len(tracks) <= maxReferences {
		return problem{}
	}
	return problem{v1alpha1.MeasuredTooManySeries, fmt.Sprintf(
		"the query gave %d series, and a deviation is followed for %d at most; aggregate them", len(tracks), maxReferences)}
}

// remember returns the status with the references that the next measurement of
// the metric is compared with.
func remember(metric v1alpha1.Metric, s v1alpha1.MetricStatus, at time.Time, o Observation) v1alpha1.MetricStatus {
	if !remembers(metric) || o.Error != "" || o.WrongType != "" || len(o.Warnings) > 0 {
		return s
	}
	at = o.askedAt(at)
	c, err := criterionOf(metric, s)
	if err != nil {
		return s
	}
	tracks, _, found := tracksOf(metric, at, o)
	if found.reason != "" {
		return s
	}
	first, previous := slices.Clone(s.First), slices.Clone(s.Previous)
	present := map[string]bool{}
	for _, t := range tracks {
		key := referenceKey(t.series)
		present[key] = true
		value := t.samples[len(t.samples)-1].value
		if !finite(value) {
			continue
		}
		if !has(first, key) {
			first = put(first, key, value)
		}
		if f, compared := judgeTrack(metric, c, t); !compared || f.good {
			previous = put(previous, key, value)
		}
	}
	if metric.Deviation.From == v1alpha1.FromFirst {
		s.First = keep(first, present)
	} else {
		s.Previous = keep(previous, present)
	}
	return s
}

// referenceKey is what a series is known by in the status: its labels, and of
// very long ones the beginning and a hash.
func referenceKey(series string) string {
	const limit = 256
	if len(series) <= limit {
		return strings.ToValidUTF8(series, "?")
	}
	sum := sha256.Sum256([]byte(series))
	return strings.ToValidUTF8(series[:limit], "") + "…" + hex.EncodeToString(sum[:8])
}

func has(values []v1alpha1.SeriesValue, series string) bool {
	return slices.ContainsFunc(values, func(v v1alpha1.SeriesValue) bool { return v.Labels == series })
}

func put(values []v1alpha1.SeriesValue, series string, value float64) []v1alpha1.SeriesValue {
	for i := range values {
		if values[i].Labels == series {
			values[i].Value = value
			return values
		}
	}
	return append(values, v1alpha1.SeriesValue{Labels: series, Value: value})
}

// keep forgets series that are not there, oldest first, where there are too many.
func keep(values []v1alpha1.SeriesValue, present map[string]bool) []v1alpha1.SeriesValue {
	over := len(values) - maxReferences
	return slices.DeleteFunc(values, func(v v1alpha1.SeriesValue) bool {
		if over <= 0 || present[v.Labels] {
			return false
		}
		over--
		return true
	})
}
