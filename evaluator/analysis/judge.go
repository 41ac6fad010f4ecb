package analysis

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

const (
	maxMessage = 300
	maxQuery   = 4096
)

// Judge says what an observation of a metric is worth, given what was measured
// of it before. Each kind of criterion is a file that opens with its rule.
//
// What goes wrong on the way to a value is an error, and an answer without
// values is no data; neither is a failure or a success, whatever the criterion.
func Judge(metric v1alpha1.Metric, before v1alpha1.MetricStatus, at time.Time, o Observation) v1alpha1.Measurement {
	at = o.askedAt(at)
	m := v1alpha1.Measurement{
		Time:  metav1.NewTime(at.Truncate(time.Second)),
		Range: ruleOf(metric),
		Query: plaintext.Cut(o.Query, maxQuery),
	}
	switch {
	case o.Error != "":
		m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeError, cmp.Or(o.Reason, v1alpha1.MeasuredError), o.Error
	case o.WrongType != "":
		m.Outcome, m.Reason = v1alpha1.OutcomeError, v1alpha1.MeasuredWrongType
		m.Message = fmt.Sprintf("the query gave a %s, where a scalar or an instant vector of numbers is wanted", o.WrongType)
	case len(o.Warnings) > 0:
		m.Outcome, m.Reason = v1alpha1.OutcomeError, v1alpha1.MeasuredPartialData
		m.Message = "Prometheus warns of its answer, so it is not judged: " + strings.Join(o.Warnings, "; ")
	case metric.Labels != nil:
		judgeLabels(&m, *metric.Labels, o)
	case metric.Alerts != nil:
		judgeAlerts(&m, o.Series)
	case metric.Compare != nil:
		judgeComparison(&m, metric, before, at, o)
	case len(o.Series) == 0:
		m.Outcome, m.Reason = v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData
		m.Message = "the query found no series" + noSeriesHint(metric)
	default:
		judgeValues(&m, metric, before, at, o)
		if o.BeyondBuckets && m.Outcome == v1alpha1.OutcomePassed {
			m.Outcome, m.Reason = v1alpha1.OutcomeNoData, v1alpha1.MeasuredBeyondBuckets
			m.Message = m.Value + " is the end of the last finite bucket, and the quantile lies beyond it, nobody knows where; make max less than that, or let expect do it"
		}
	}
	if metric.Labels == nil {
		blameLateness(&m, o.SampleAge)
	}
	if len(o.Infos) > 0 {
		m.Message += fmt.Sprintf(" (Prometheus remarks: %s)", strings.Join(o.Infos, "; "))
	}
	m.Message = plaintext.Cut(OneLine(m.Message), maxMessage)
	m.Range = plaintext.Cut(OneLine(m.Range), maxRange)
	return m
}

const maxRange = 200

// Take judges an observation of a metric and adds it to what was measured of it.
func Take(metric v1alpha1.Metric, before v1alpha1.MetricStatus, at time.Time, o Observation) v1alpha1.MetricStatus {
	m := Judge(metric, before, at, o)
	return Count(tallied(metric, remember(metric, before, at, o), at, o), m)
}

// ruleOf is what a metric must keep, for people; the range of a range.
func ruleOf(metric v1alpha1.Metric) string {
	switch {
	case metric.Labels != nil:
		return labelsRule(*metric.Labels)
	case metric.Alerts != nil:
		return "no alert fires"
	case metric.Compare != nil:
		return comparisonRule(*metric.Compare)
	}
	c, err := criterionOf(metric, v1alpha1.MetricStatus{})
	if err != nil {
		return ""
	}
	return c.rule + samplesRule(metric)
}

func noSeriesHint(metric v1alpha1.Metric) string {
	if metric.Expect != "" {
		return fmt.Sprintf(": either there were no requests, or %s measures none under the names of its preset", metric.Source)
	}
	return ""
}

// Number writes a value as short as it can be read back.
func Number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// percent writes a share in percent, with as many digits as people read.
func percent(share float64) string {
	return strconv.FormatFloat(share*100, 'g', 6, 64) + "%"
}

// OneLine joins the lines and words of a text that somebody else wrote.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
