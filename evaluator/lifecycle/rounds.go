package lifecycle

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// rounds are those of the step under way: when they are due, and what those were that were taken.
type rounds struct {
	analysis v1alpha1.Analysis
	schedule analysis.Schedule
	metrics  []v1alpha1.MetricStatus
	// last is the time of the newest.
	last   time.Time
	atGate bool
	// since is from when on this evaluator counts them as they come due, podsReady since when all pods are Ready, where that
	// is known.
	since, podsReady time.Time
	known            bool
}

// rounds needs a step whose pods were Ready. A run that is stretched, or once was, is measured until it has as many
// rounds as its plan says.
func (s *course) rounds(in Snapshot) rounds {
	r := rounds{analysis: s.analysis(), metrics: s.out.Metrics, last: lastRound(s.out.Metrics), atGate: s.atGate(), since: in.Since}
	r.podsReady, r.known = s.ownPods(in).readySince()
	r.schedule = analysis.NewSchedule(r.analysis, s.readyAt().Time)
	if in.Stretch > 1 || s.findCondition(v1alpha1.ConditionRoundsInTime) != nil {
		r.schedule = r.schedule.Stretched(in.interval(r.analysis), r.last, int64(s.out.Step.Measured))
	}
	return r
}

// next is when the one after the newest is due.
func (r rounds) next() time.Time { return r.schedule.Next(r.last) }

// due is the one that is to be measured now.
func (r rounds) due(now time.Time) (time.Time, bool) {
	if at, ok := r.pastDue(); ok {
		return at, true
	}
	return r.schedule.Due(r.last, now)
}
