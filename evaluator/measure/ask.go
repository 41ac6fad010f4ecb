package measure

import (
	"context"
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
)

// ask asks the query of a metric, for the time or for what it looks back over:
// from when the first value of a range no longer looks back before Ready, and has
// samples enough.
func (r *round) ask(ctx context.Context, metric v1alpha1.Metric, q rendered) (analysis.Observation, error) {
	if q.comparison != nil {
		return r.askComparison(ctx, q.comparison)
	}
	var o analysis.Observation
	var err error
	if metric.Over == nil {
		o.Answer, err = r.endpoint.Query(ctx, q.text, r.at)
	} else {
		step := analysis.Step(*metric.Over)
		back := r.clampWindow(metric.Over.Duration.Duration, r.at.Add(-max(q.back, q.warmUp)))
		from := r.at.Add(-back.Truncate(step)) // so that a step ends at the time itself
		o.Answer, err = r.endpoint.QueryRange(ctx, q.text, from, r.at, step)
	}
	o.At = r.at
	if err == nil && q.beyond != "" && mayBeBound(o) {
		beyond, err := r.endpoint.Query(ctx, q.beyond, r.at)
		if err != nil || beyond.Error != "" {
			return analysis.Observation{Answer: beyond}, err
		}
		o.BeyondBuckets, o.Warnings = len(beyond.Series) > 0, append(o.Warnings, beyond.Warnings...)
	}
	if err == nil && analysis.WantsExamples(metric, r.at, r.complete(ctx, metric, o)) {
		o.Examples = r.askExamples(ctx, metric, q)
	}
	return o, err
}

// mayBeBound: only then it is worth a second question.
func mayBeBound(o analysis.Observation) bool {
	return slices.ContainsFunc(o.Series, func(s analysis.Series) bool {
		return query.MayBeBound(s.Value) || slices.ContainsFunc(s.Samples, func(sample analysis.Sample) bool { return query.MayBeBound(sample.Value) })
	})
}

// askExamples asks for a few of the series that a metric which expects success
// counts, for people to see what labels they have. Without an answer it goes without.
func (r *round) askExamples(ctx context.Context, metric v1alpha1.Metric, q rendered) []analysis.Series {
	template, err := query.ExamplesOf(metric, r.endpoint.Labels.Pod)
	if err != nil {
		return nil
	}
	text, err := template.Render(q.values)
	if err != nil {
		return nil
	}
	o, err := r.endpoint.Query(ctx, text, r.at)
	if err != nil {
		return nil
	}
	return o.Series
}
