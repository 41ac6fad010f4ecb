package lifecycle

import (
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// The status of a run may lack rounds that an evaluator counted which is gone (see WriteBudget). Prometheus
// can be asked for their times, and so another one makes up for them: the first that is due after those in
// the status, then the next, until the time at which it began itself. What it misses later is missed.
//
// Only good rounds are not in the status, so it makes up for rounds only while all is good by the newest: the
// first that is not is counted once, and what lies behind it is let go. So nothing is failed by a Prometheus
// that cannot tell of the past, and what is let go was good, which can make a run wait and never pass.
//
// Prometheus does not know what the API server knew. That pods were Ready at a time is told by how long those
// have been that are; before that there is nothing to make up for. Labels are not counted for a time that is
// over. Probes that are read directly cannot be asked about the past: of a run with such metrics nothing is
// made up for. At a gate the period is over, and the run may have been paused since: there nothing is made up
// for. A pass is never given on a round that was made up for and left something out, or while a newer one is
// due.

// pastReach is how far back rounds are made up for. It is longer than a status goes without being written.
const pastReach = oldestStatus + 5*time.Minute

// pastDue is the round of the past that is to be made up for now.
func (r rounds) pastDue() (time.Time, bool) {
	if r.since.IsZero() || r.atGate || !r.known || !allGood(r.metrics) || r.analysis.ReadsAnyProbes() {
		return time.Time{}, false
	}
	from := roundUp(later(r.podsReady, r.since.Add(-pastReach)))
	at := r.schedule.Next(later(r.last, from.Add(-time.Second)))
	return at, r.isPast(at)
}

// isPast says whether a round is of a time at which this evaluator did not look.
func (in Snapshot) isPast(at time.Time) bool { return isPast(at, in.Since) }

func (r rounds) isPast(at time.Time) bool { return isPast(at, r.since) }

func isPast(at, since time.Time) bool {
	return at.Truncate(time.Second).Before(since.Truncate(time.Second))
}

// leaveOut says whether the newest round left out what is not known of its time, or is of the past while a
// newer one is due.
func (r rounds) leaveOut(isDue bool, hooks []v1alpha1.Hook) bool {
	past := r.isPast(r.last)
	return r.isUnseen() || past && (isDue || slices.ContainsFunc(hooks, func(h v1alpha1.Hook) bool { return r.lacks(h.Name) }))
}

// isUnseen says whether the newest round left out labels of a time that is over, or probes that have not been
// read for long enough since the evaluator began.
func (r rounds) isUnseen() bool {
	return slices.ContainsFunc(r.analysis.Metrics, func(m v1alpha1.Metric) bool {
		return (m.Labels != nil && r.isPast(r.last) || r.analysis.ReadsProbes(m)) && r.lacks(m.Name)
	})
}

// lacks says whether the newest round has no measurement of a metric.
func (r rounds) lacks(metric string) bool {
	newest, ok := analysis.Newest(analysis.Find(r.metrics, metric))
	return !ok || newest.Time.Time.Before(r.last)
}

// allGood says whether nothing that a limit is on was found in the newest measurements.
func allGood(metrics []v1alpha1.MetricStatus) bool {
	return !slices.ContainsFunc(metrics, func(m v1alpha1.MetricStatus) bool {
		return m.ConsecutiveFailures > 0 || m.ConsecutiveErrors > 0 || m.ConsecutiveNoData > 0
	})
}
