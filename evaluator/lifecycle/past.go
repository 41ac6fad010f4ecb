package lifecycle

import (
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// The status of a run may lack rounds that an evaluator counted which is gone (see WriteBudget). Prometheus can be
// asked for their times, and so another one makes up for them: the first that is due after those in the status,
// then the next, until the time at which it began itself. What it misses later is missed.
//
// Only good rounds are not in the status, so it makes up for rounds only while all is good by the newest:
// the first that is not is counted once, and what lies behind it is let go. So nothing is failed by a Prometheus that
// cannot tell of the past, and what is let go was good, which can make a run wait and never pass.
//
// Prometheus does not know what the API server knew. That pods were Ready at a time is told by how long
// those have been that are; before that there is nothing to make up for. Labels are not counted for a time that is over.
// Probes that are read directly cannot be asked about the past: of a run with such metrics nothing is made up for.
// At a gate the period is over, and the run may have been paused since: there nothing is made up for.
// A pass is never given on a round that was made up for and left something out, or while a newer one is due.

// pastReach is how far back rounds are made up for. It is longer than a status goes without being written.
const pastReach = oldestStatus + 5*time.Minute

// due is the round that is to be measured now.
func (s *planner) due(schedule analysis.Schedule) (time.Time, bool) {
	if at, ok := s.pastDue(schedule); ok {
		return at, true
	}
	return schedule.Due(s.lastRound(), s.in.Now)
}

// pastDue is the round of the past that is to be made up for now.
func (s *planner) pastDue(schedule analysis.Schedule) (time.Time, bool) {
	ready, known := s.ownPods(s.in).readySince()
	if s.in.Since.IsZero() || s.atGate() || !known || !allGood(s.out.Metrics) || s.readsProbes() {
		return time.Time{}, false
	}
	from := roundUp(later(ready, s.in.Since.Add(-pastReach)))
	at := schedule.Next(later(s.lastRound(), from.Add(-time.Second)))
	return at, s.in.isPast(at)
}

func (s *planner) readsProbes() bool {
	a := s.analysis()
	return a.ReadsAnyProbes()
}

// isPast says whether a round is of a time at which this evaluator did not look.
func (in Snapshot) isPast(at time.Time) bool {
	return at.Truncate(time.Second).Before(in.Since.Truncate(time.Second))
}

// isUnseen says whether the newest round left out what is not known of its time: labels of a time
// that is over, and probes that have not been read for long enough since the evaluator began.
func (s *planner) isUnseen(a v1alpha1.Analysis) bool {
	return slices.ContainsFunc(a.Metrics, func(m v1alpha1.Metric) bool {
		newest, ok := analysis.Newest(analysis.Find(s.out.Metrics, m.Name))
		return (m.Labels != nil && s.in.isPast(s.lastRound()) || a.ReadsProbes(m)) && (!ok || newest.Time.Time.Before(s.lastRound()))
	})
}

// allGood says whether nothing that a limit is on was found in the newest measurements.
func allGood(metrics []v1alpha1.MetricStatus) bool {
	return !slices.ContainsFunc(metrics, func(m v1alpha1.MetricStatus) bool {
		return m.ConsecutiveFailures > 0 || m.ConsecutiveErrors > 0 || m.ConsecutiveNoData > 0
	})
}
