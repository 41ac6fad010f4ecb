package planqueries

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/plaintext"
)

// How much is shown, in bytes.
const (
	maxError   = 500
	maxExample = 300
	maxMessage = 1 << 10
)

// metricsOf are the metrics of a plan and of its steps, each name once. Those that read probes are asked
// about nobody but a run: its pods have some, and are read from when it begins.
func metricsOf(spec *v1alpha1.CanaryPlanSpec) []v1alpha1.Metric {
	out, known := []v1alpha1.Metric{}, map[string]bool{}
	add := func(metrics []v1alpha1.Metric) {
		for _, m := range metrics {
			if !known[m.Name] && !spec.Analysis.ReadsProbes(m) {
				known[m.Name] = true
				out = append(out, m)
			}
		}
	}
	add(spec.Analysis.Metrics)
	for _, step := range spec.Steps {
		add(step.Metrics)
	}
	return out
}

// statusOf is the status of a plan whose metrics were observed in a round; about says of whose pods. A metric
// without a query has no answer.
func statusOf(generation int64, metrics []v1alpha1.Metric, round *lifecycle.Round, about string) v1alpha1.CanaryPlanStatus {
	out := v1alpha1.CanaryPlanStatus{ObservedGeneration: generation}
	var failed, empty, long []string
	for _, m := range metrics {
		o, asked := round.Observations[m.Name]
		switch {
		case m.Labels != nil || !asked: // it has no query
			continue
		case o.WarmingUp != "":
			long = append(long, m.Name)
			continue
		}
		answer := answerOf(m.Name, o)
		out.Queries = append(out.Queries, answer)
		switch {
		case answer.Error != "":
			failed = append(failed, fmt.Sprintf("%s: %s", m.Name, answer.Error))
		case answer.Series == 0 && m.Alerts == nil:
			empty = append(empty, m.Name)
		}
	}
	condition := metav1.Condition{
		Type: v1alpha1.ConditionQueriesAnswered, Status: metav1.ConditionTrue, ObservedGeneration: generation,
		Reason: v1alpha1.ReasonAnswered, Message: "all queries are answered, asked of " + about,
	}
	switch {
	case len(failed) > 0:
		condition.Status, condition.Reason = metav1.ConditionFalse, v1alpha1.ReasonNotAnswered
		condition.Message = strings.Join(failed, "; ")
	case len(out.Queries) == 0 && len(long) > 0:
		condition.Reason, condition.Message = v1alpha1.ReasonNoQueries, "no query was asked"
	case len(out.Queries) == 0:
		condition.Reason, condition.Message = v1alpha1.ReasonNoQueries, "the plan has no queries"
	case len(empty) > 0:
		condition.Message += ", without a series for " + strings.Join(empty, ", ")
	}
	if len(long) > 0 {
		condition.Message += fmt.Sprintf("; not asked, for it waits longer than %s: %s", lifecycle.Short(lookBack), strings.Join(long, ", "))
	}
	condition.Message = plaintext.Line(condition.Message, maxMessage)
	out.Conditions = []metav1.Condition{condition}
	return out
}

func answerOf(metric string, o analysis.Observation) v1alpha1.QueryAnswer {
	out := v1alpha1.QueryAnswer{Metric: metric}
	series := o.Series
	if c := o.Comparison; c != nil {
		for _, side := range []analysis.SideSamples{c.Canary, c.Other} {
			for _, some := range [][]analysis.Series{side.Bad, side.Good, side.Total, side.Values} {
				series = append(series, some...)
			}
		}
	}
	switch {
	case o.Error != "":
		out.Error = o.Error
	case o.WrongType != "":
		out.Error = "the answer is " + o.WrongType + ", which has no single values to judge"
	}
	out.Error = plaintext.Line(out.Error, maxError)
	if out.Error != "" {
		return out
	}
	out.Series, out.Type = int32(len(series)), o.Type
	if len(series) > 0 {
		out.Example = plaintext.Line(strings.TrimSpace(fmt.Sprintf("%s %g", series[0].Labels, series[0].Value)), maxExample)
	}
	return out
}

// unanswered is the status of a plan that nobody can be asked about.
func unanswered(generation int64, metrics []v1alpha1.Metric, why string) v1alpha1.CanaryPlanStatus {
	round := &lifecycle.Round{Observations: map[string]analysis.Observation{}}
	for _, m := range metrics {
		round.Observations[m.Name] = analysis.Observation{Answer: analysis.Answer{Error: why}}
	}
	return statusOf(generation, metrics, round, "")
}
