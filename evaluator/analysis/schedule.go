package analysis

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Schedule is when a run is measured: at start + n × interval, start being
// readyAt + initialDelay, and once at readyAt + period. Times in a status are
// whole seconds, so two of these in one second are one.
type Schedule struct {
	start    time.Time
	end      time.Time
	interval time.Duration
}

// NewSchedule is the schedule of an analysis, its defaults set, of a canary
// that was Ready at a whole second.
func NewSchedule(a v1alpha1.Analysis, readyAt time.Time) Schedule {
	return Schedule{
		start:    readyAt.Add(a.InitialDelay.Duration),
		end:      readyAt.Add(a.Period.Duration),
		interval: max(a.Interval.Duration, time.Second),
	}
}

// Stretched is the schedule with another interval from the newest round on (zero if there is none), of a
// canary of which so many were taken. It ends when there are as many as this one has, and not before this one
// does.
func (s Schedule) Stretched(interval time.Duration, last time.Time, taken int64) Schedule {
	out := Schedule{start: s.start, end: s.end, interval: interval}
	missing := s.Rounds() - taken
	from := s.start.Add(-interval) // that one round after it is the first
	if !last.IsZero() && !last.Before(s.start.Truncate(time.Second)) {
		from, out.start = last, last
	}
	if missing > 0 {
		if end := from.Add(time.Duration(missing) * interval); end.After(s.end) {
			out.end = end
		}
	}
	return out
}

// End is when the period is over.
func (s Schedule) End() time.Time { return s.end }

// Rounds is how many times of the schedule there are up to the end of the period.
func (s Schedule) Rounds() int64 {
	if s.end.Before(s.start) {
		return 1
	}
	n := int64(s.end.Sub(s.start)/s.interval) + 1
	if s.end.Sub(s.start)%s.interval != 0 {
		n++
	}
	return n
}

// Due is the newest time of the schedule that has come and lies behind last,
// the time of the newest round (zero if there is none). What lies between the
// two was missed and is not made up for.
func (s Schedule) Due(last, now time.Time) (time.Time, bool) {
	if now.Before(s.start) {
		return time.Time{}, false
	}
	n := now.Sub(s.start) / s.interval
	due := s.start.Add(n * s.interval)
	if !now.Before(s.end) && s.end.After(due) {
		due = s.end
	}
	return due, second(due).After(second(last))
}

// Next is the first time of the schedule behind last.
func (s Schedule) Next(last time.Time) time.Time {
	next := s.start
	if !second(last).Before(second(s.start)) {
		n := last.Sub(s.start) / s.interval
		next = s.start.Add(max(n, 0) * s.interval)
		for !second(next).After(second(last)) {
			next = next.Add(s.interval)
		}
	}
	if second(s.end).After(second(last)) && s.end.Before(next) {
		return s.end
	}
	return next
}

func second(t time.Time) time.Time { return t.Truncate(time.Second) }
