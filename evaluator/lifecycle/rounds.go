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
	// since is from when on this evaluator counts them as they come due, podsReady since when all pods are
	// Ready, where that is known.
	since, podsReady time.Time
	known            bool
}

// roundsOf needs a step whose pods were Ready. A run that is stretched, or once was, is measured until it has
// as many rounds as its plan says.
func roundsOf(in Snapshot, c course) rounds {
	r := rounds{analysis: c.analysis(), metrics: c.out.Metrics, last: lastRound(c.out.Metrics), atGate: c.atGate(), since: in.Since}
	r.podsReady, r.known = ownPodsOf(in, c).readySince()
	r.schedule = analysis.NewSchedule(r.analysis, c.readyAt().Time)
	if in.Stretch > 1 || c.findCondition(v1alpha1.ConditionRoundsInTime) != nil {
		r.schedule = r.schedule.Stretched(in.interval(r.analysis), r.last, int64(c.out.Step.Measured))
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
