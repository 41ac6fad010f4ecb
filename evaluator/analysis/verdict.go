package analysis

import (
	"fmt"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Progress is how far the measuring has come.
type Progress struct {
	Schedule Schedule
	Now      time.Time
	// Last is the time of the newest round of measurements, zero before the first.
	Last time.Time
	// Rounds is how many rounds were taken, Overtime how many of them after the period.
	Rounds, Overtime int32
}

// Judgment is what the measurements come to. Its zero value is no verdict yet.
type Judgment struct {
	Verdict v1alpha1.Verdict
	Reason  string
	Message string
}

// Evaluate says what the measurements of a run come to. In this order:
//
//  1. Fail, if a metric failed more often in a row than the failure limit;
//  2. Inconclusive, if a metric ended in errors, or without data, more often in
//     a row than the limit of those;
//  3. Pass, if the period is over, a round was taken at its end or later, as many
//     rounds as half of those that were due in it, and in the newest round every
//     metric passed;
//     or before that, if the plan lets it end early and every metric is shown not
//     to be worse;
//  4. Inconclusive, if so many rounds were taken after the period that no single
//     metric could have kept from its limits for so long: several take turns
//     in being bad;
//  5. no verdict: measure on, also past the period.
func Evaluate(a v1alpha1.Analysis, metrics []v1alpha1.MetricStatus, p Progress) Judgment {
	statuses := byName(a, metrics)
	for _, s := range statuses {
		if limit := failureLimit(a, s.Name); s.ConsecutiveFailures > limit {
			return failed(s, limit)
		}
	}
	for _, s := range statuses {
		switch {
		case s.ConsecutiveErrors > *a.ErrorLimit:
			return inconclusive(s, v1alpha1.ReasonErrorLimit, "ended in an error", s.ConsecutiveErrors, *a.ErrorLimit)
		case s.ConsecutiveNoData > *a.NoDataLimit:
			return inconclusive(s, v1alpha1.ReasonNoDataLimit, "found no data", s.ConsecutiveNoData, *a.NoDataLimit)
		}
	}
	if bad := firstBad(statuses); bad == "" && p.periodIsOver() {
		return Judgment{v1alpha1.VerdictPass, v1alpha1.ReasonPeriodOver, passed(a, statuses)}
	} else if bad == "" && EndsEarly(a, metrics) {
		return Judgment{v1alpha1.VerdictPass, v1alpha1.ReasonNotWorse, passedEarly(a, metrics, p)}
	} else if bad != "" && int64(p.Overtime) > overtimeLimit(a) {
		return Judgment{
			v1alpha1.VerdictInconclusive, v1alpha1.ReasonUnsettled,
			fmt.Sprintf("%d rounds after the period the metrics still were not all good at once; last not: %s", p.Overtime, bad),
		}
	}
	return Judgment{}
}

// periodIsOver says whether the canary was watched for its period: while nobody
// evaluated, nothing was seen of it.
func (p Progress) periodIsOver() bool {
	return !p.Now.Before(p.Schedule.End()) && !second(p.Last).Before(second(p.Schedule.End())) &&
		2*int64(p.Rounds) >= p.Schedule.Rounds()
}

// overtimeLimit is the longest row of bad measurements one metric can have
// without passing a limit: failures up to their limit, and before, between and
// behind them errors and missing data up to theirs.
func overtimeLimit(a v1alpha1.Analysis) int64 {
	failures, others := int64(*a.FailureLimit), int64(*a.ErrorLimit)+int64(*a.NoDataLimit)
	for _, m := range a.Metrics {
		failures = max(failures, int64(failureLimit(a, m.Name)))
	}
	return min(failures+(failures+1)*others, 1<<31)
}

// failureLimit is how many failures in a row are borne of a metric: its own
// limit, or that of the analysis.
func failureLimit(a v1alpha1.Analysis, name string) int32 {
	for _, m := range a.Metrics {
		if m.Name == name && m.FailureLimit != nil {
			return *m.FailureLimit
		}
	}
	return *a.FailureLimit
}

// byName returns the status of every metric of a plan, Pods and Baseline first; that of one
// not measured yet is empty.
func byName(a v1alpha1.Analysis, metrics []v1alpha1.MetricStatus) []v1alpha1.MetricStatus {
	out := []v1alpha1.MetricStatus{Find(metrics, Pods)}
	if baseline := Find(metrics, Baseline); len(baseline.Last) > 0 { // measured whenever Pods is
		out = append(out, baseline)
	}
	for _, m := range a.Metrics {
		out = append(out, Find(metrics, m.Name))
	}
	return out
}

// Find returns the status of a metric, an empty one of that name if it has none.
func Find(metrics []v1alpha1.MetricStatus, name string) v1alpha1.MetricStatus {
	for _, s := range metrics {
		if s.Name == name {
			return s
		}
	}
	return v1alpha1.MetricStatus{Name: name}
}

// Newest returns the newest measurement of a metric.
func Newest(s v1alpha1.MetricStatus) (v1alpha1.Measurement, bool) {
	if len(s.Last) == 0 {
		return v1alpha1.Measurement{}, false
	}
	return s.Last[len(s.Last)-1], true
}

func firstBad(statuses []v1alpha1.MetricStatus) string {
	for _, s := range statuses {
		if m, ok := Newest(s); !ok || m.Outcome != v1alpha1.OutcomePassed {
			return s.Name
		}
	}
	return ""
}

func failed(s v1alpha1.MetricStatus, limit int32) Judgment {
	m := newestFailed(s)
	reason := failedReason(s.Name, m)
	message := fmt.Sprintf("metric %s: %s", s.Name, m.Message)
	if strings.HasPrefix(m.Range, "[") && s.Name != Pods {
		message += fmt.Sprintf(" (range %s)", m.Range)
	} else if s.Name != Pods {
		message += fmt.Sprintf(" (wanted: %s)", m.Range)
	}
	message += fmt.Sprintf("; failed %d times in a row, limit %d", s.ConsecutiveFailures, limit)
	if m.Query != "" {
		message += "; query: " + OneLine(m.Query)
	}
	return Judgment{v1alpha1.VerdictFail, reason, message}
}

// failedReason is the reason of a verdict by a metric: what judges by values has
// one for all of them, whatever they were out of.
func failedReason(metric string, m v1alpha1.Measurement) string {
	switch {
	case metric == Pods:
		return v1alpha1.ReasonNotReady
	case m.Reason == v1alpha1.MeasuredWorse:
		return v1alpha1.ReasonWorse
	case m.Reason == v1alpha1.MeasuredLabelFound:
		return v1alpha1.ReasonLabelFound
	case m.Reason == v1alpha1.MeasuredAlertFiring:
		return v1alpha1.ReasonAlertFiring
	case m.Reason == v1alpha1.MeasuredHookNo:
		return v1alpha1.ReasonHookRefused
	}
	return v1alpha1.ReasonMetricOutOfRange
}

func newestFailed(s v1alpha1.MetricStatus) v1alpha1.Measurement {
	for i := len(s.Last) - 1; i >= 0; i-- {
		if s.Last[i].Outcome == v1alpha1.OutcomeFailed {
			return s.Last[i]
		}
	}
	return v1alpha1.Measurement{}
}

func inconclusive(s v1alpha1.MetricStatus, reason, what string, times, limit int32) Judgment {
	m, _ := Newest(s)
	switch m.Reason {
	case v1alpha1.MeasuredTooFew:
		what = "had too little to compare, after the period,"
	case v1alpha1.MeasuredUndecided:
		what = "told neither way, after the period,"
	}
	if s.Name == Baseline {
		reason, what = v1alpha1.ReasonBaselineSick, "was not Ready"
	}
	message := fmt.Sprintf("metric %s %s %d times in a row, limit %d: %s", s.Name, what, times, limit, m.Message)
	if m.Query != "" {
		message += "; query: " + OneLine(m.Query)
	}
	return Judgment{v1alpha1.VerdictInconclusive, reason, message}
}

func passed(a v1alpha1.Analysis, statuses []v1alpha1.MetricStatus) string {
	if len(statuses) == 1 {
		return fmt.Sprintf("the canary pods stayed healthy for %s", a.Period.Duration)
	}
	message := fmt.Sprintf("the canary stayed good for %s by %d metrics", a.Period.Duration, len(statuses))
	for _, s := range statuses {
		if m, _ := Newest(s); m.Reason == v1alpha1.MeasuredUndecided {
			message += fmt.Sprintf("; metric %s was not shown to be worse: %s", s.Name, m.Message)
		}
	}
	return message
}

// EndsEarly says whether a period may end before its time: the plan says so, and
// by its newest measurement no metric is worse.
func EndsEarly(a v1alpha1.Analysis, metrics []v1alpha1.MetricStatus) bool {
	if !a.EndEarly || len(a.Metrics) == 0 {
		return false
	}
	for _, m := range a.Metrics {
		if newest, ok := Newest(Find(metrics, m.Name)); !ok || newest.Reason != v1alpha1.MeasuredNotWorse {
			return false
		}
	}
	return true
}

func passedEarly(a v1alpha1.Analysis, metrics []v1alpha1.MetricStatus, p Progress) string {
	ready := p.Schedule.End().Add(-a.Period.Duration)
	message := fmt.Sprintf("nothing is worse after %s, so the period ends early", second(p.Last).Sub(second(ready)))
	for _, m := range a.Metrics {
		newest, _ := Newest(Find(metrics, m.Name))
		message += fmt.Sprintf("; metric %s: %s", m.Name, newest.Message)
	}
	return message
}
