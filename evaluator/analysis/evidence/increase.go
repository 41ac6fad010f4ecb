package evidence

import "time"

// Increase is by how much a counter rose from one time, exclusive, to another,
// going by its samples, which are in the order of their times and reach back to
// the last one at or before from. A sample below the one before it is a reset:
// the counter has risen from 0. So it has before the first sample of all, if that
// is later than from: the series is taken for a new one, and what PromQL's
// increase() loses is its first increment. For a series that is not new, from is the
// time of its first sample. Nothing is extrapolated, so the increases of intervals that
// follow each other add up.
//
// Samples that are no number are passed over. A counter without a sample until to
// has not risen, as far as anyone knows.
func Increase(samples []Point, from, to time.Time) float64 {
	rise, last := 0.0, 0.0
	for _, s := range samples {
		switch {
		case s.Time.After(to):
			return rise
		case !finite(s.Value):
			continue
		case s.Time.After(from) && s.Value < last:
			rise += s.Value
		case s.Time.After(from):
			rise += s.Value - last
		}
		last = s.Value
	}
	return rise
}
