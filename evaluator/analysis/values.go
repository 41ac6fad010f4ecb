package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// Values: every series must be good. One that is bad fails the measurement,
// whatever is missing beside it; otherwise, a pod without a series, or an answer
// that has ended before the time that was asked for, is no data. Of several
// series the worst stands in the measurement: the one farthest out of its
// limits or, within them, nearest to their end.

// criterion is what the values of a series are judged by.
type criterion struct {
	// rule says for people what a value must be.
	rule string
	// limits are where the values of a series must lie; false while there is
	// nothing to compare the series with.
	limits func(series string) (limits, bool)
	// ruleOf is the rule with the limits of one series.
	ruleOf func(limits) string
	// say tells what a value is.
	say func(v float64, l limits, note string) string
	// reasons are its own words for reasons of a range, where it has some.
	reasons map[string]string
}

func (c criterion) reason(l limits, v float64) string {
	reason := l.reason(v)
	return cmp.Or(c.reasons[reason], reason)
}

// criterionOf is the criterion of a metric that is judged by values. Its error
// is for a plan that validation would have refused.
func criterionOf(metric v1alpha1.Metric, before v1alpha1.MetricStatus) (criterion, error) {
	switch {
	case metric.Expect != "":
		return expected(metric)
	case metric.Deviation != nil:
		return deviating(*metric.Deviation, before)
	case metric.List != nil:
		return listed(*metric.List)
	default:
		return ranged(metric.Range), nil
	}
}

// finding is what was found of one series.
type finding struct {
	series string
	good   bool
	reason string
	value  float64
	says   string
	rule   string
	far    float64 // out of its limits
}

func judgeValues(m *v1alpha1.Measurement, metric v1alpha1.Metric, before v1alpha1.MetricStatus, at time.Time, o Observation) {
	c, err := criterionOf(metric, before)
	if err != nil {
		refuse(m, v1alpha1.MeasuredError, err.Error())
		return
	}
	tracks, missing, problem := tracksOf(metric, at, o)
	if problem.reason != "" {
		refuse(m, problem.reason, problem.says)
		return
	}
	var findings []finding
	fresh := 0
	for _, t := range tracks {
		if f, ok := judgeTrack(metric, c, t); ok {
			findings = append(findings, f)
		} else {
			fresh++
		}
	}
	conclude(m, findings, missing)
	if len(findings) == 0 && fresh > 0 && missing == "" {
		m.Reason = v1alpha1.MeasuredFirstValue
		m.Message = "this is the first value: later ones are compared with it"
	}
	if len(findings) > 0 {
		m.Range += samplesRule(metric)
	}
}

// conclude writes into a measurement what the findings of its series come to.
func conclude(m *v1alpha1.Measurement, findings []finding, missing string) {
	m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData, "the query found no series that is still there"
	if missing != "" {
		m.Reason, m.Message = v1alpha1.MeasuredPodMissing, missing
	}
	if len(findings) == 0 {
		return
	}
	worst := slices.MaxFunc(findings, compareFindings)
	m.Value, m.Range = Number(worst.value), worst.rule
	if worst.good && missing != "" {
		return
	}
	bad := 0
	for _, f := range findings {
		if !f.good {
			bad++
		}
	}
	m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeFailed, worst.reason, worst.says
	if worst.good {
		m.Outcome = v1alpha1.OutcomePassed
	}
	if len(findings) > 1 {
		m.Message = fmt.Sprintf("%d of %d series out of range; the worst, %s: %s", bad, len(findings), plaintext.Cut(worst.series, 120), m.Message)
	}
}

func refuse(m *v1alpha1.Measurement, reason, message string) {
	m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeError, reason, message
}

// compareFindings: bad is worse than good, then far is worse than near; series
// that are equal in that go by their labels, so that the order in which
// Prometheus sends them does not show.
func compareFindings(a, b finding) int {
	if a.good != b.good {
		if a.good {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(b.series, a.series))
}

// judgeTrack judges the samples of one series; false while there is nothing to
// compare them with.
func judgeTrack(metric v1alpha1.Metric, c criterion, t track) (finding, bool) {
	l, ok := c.limits(t.series)
	if newest := t.samples[len(t.samples)-1].value; !ok && !finite(newest) {
		l = limits{} // what is no number is bad, compared with whatever
	} else if !ok {
		return finding{}, false
	}
	wanted, err := query.ParseSamples(metric.Samples)
	if err != nil { // refused with the plan; all is the strictest
		wanted = query.Samples{Percent: 100}
	}
	samples := t.samples
	if wanted.Last {
		samples = samples[len(samples)-1:]
	}
	good := 0
	worst := samples[0]
	for _, s := range samples {
		if l.reason(s.value) == v1alpha1.MeasuredInRange {
			good++
		}
		if l.far(s.value) >= l.far(worst.value) {
			worst = s // the newest of those that are equally bad
		}
	}
	f := finding{series: t.series, value: worst.value, far: l.far(worst.value), rule: c.ruleOf(l)}
	f.reason = c.reason(l, worst.value)
	f.says = c.say(worst.value, l, worst.note)
	f.good = wanted.Enough(good, len(samples))
	if len(samples) > 1 {
		f.says = fmt.Sprintf("%d of %d samples good; the worst: %s", good, len(samples), f.says)
		if !wanted.Last && wanted.Percent < 100 {
			f.says = fmt.Sprintf("%d%% must be: %s", wanted.Percent, f.says)
			f.reason = v1alpha1.MeasuredFewGood
			if f.good {
				f.reason = v1alpha1.MeasuredInRange
			}
		}
	}
	return f, true
}
