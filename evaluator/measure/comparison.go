package measure

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
)

// comparison is the queries of one, as they are sent.
type comparison struct {
	// since is when what is compared begins, asked since when samples are asked for.
	since, asked time.Time
	queries      []comparisonQuery
}

// comparisonQuery is one of them, and where in the answer it belongs.
type comparisonQuery struct {
	text string
	into func(*analysis.ComparisonSamples) *[]analysis.Series
	// step is that of a range query from a time; zero asks for samples.
	step time.Duration
	from time.Time
}

// sampleReach is how far before an interval its first samples are looked for.
const sampleReach = 5 * time.Minute

// renderComparison are the queries of a metric that compares, for both sides.
func (r *round) renderComparison(ctx context.Context, metric v1alpha1.Metric) (rendered, error) {
	if r.unknown != nil {
		return rendered{}, r.unknown
	}
	values := r.values()
	values.Age = 0
	other := values.Baseline
	if metric.Compare.To == v1alpha1.CompareToStable {
		if err := r.addStable(ctx, &values); err != nil {
			return rendered{}, err
		}
		other = values.Stable
	}
	if usesService(*metric.Compare, metric.Query) {
		service, err := r.serviceName(ctx)
		if err != nil {
			return rendered{}, err
		}
		values.Service = service
	}
	out := rendered{comparison: &comparison{}}
	for _, side := range []struct {
		pods []string
		of   func(*analysis.ComparisonSamples) *analysis.SideSamples
	}{
		{values.Canary, func(s *analysis.ComparisonSamples) *analysis.SideSamples { return &s.Canary }},
		{other, func(s *analysis.ComparisonSamples) *analysis.SideSamples { return &s.Other }},
	} {
		values.Pods = side.pods
		add := r.addValues
		if metric.Compare.Count != nil {
			add = r.addCounters
		}
		if err := add(&out, metric, values, side.of); err != nil {
			return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
		}
	}
	out.text = metric.Name // it has something to ask
	return out, nil
}

// usesService says whether a query of a comparison names the canary's Service.
func usesService(compare v1alpha1.Comparison, side string) bool {
	texts, parse := []string{side}, query.ParseSide
	if count := compare.Count; count != nil {
		texts, parse = []string{count.Bad, count.Good, count.Total}, query.ParseCounter
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		template, err := parse(text) // a mistake is told when it is rendered
		return err == nil && template.Uses(query.Service)
	})
}

// addCounters asks for the samples of the counters of one side, since what was
// counted to. They are first asked for when there can be some.
func (r *round) addCounters(out *rendered, metric v1alpha1.Metric, values query.Values, of func(*analysis.ComparisonSamples) *analysis.SideSamples) error {
	out.comparison.since = r.comparedSince()
	out.warmUp = 2 * r.endpoint.ScrapeInterval
	from := analysis.CountFrom(analysis.Find(r.subject.Status.Metrics, metric.Name), out.comparison.since, r.at)
	back := align(max(r.at.Sub(from), 0)+sampleReach, time.Second)
	out.comparison.asked = r.at.Add(-back)
	if since := r.endpoint.Since; since.After(out.comparison.asked) {
		out.comparison.asked = since // of what was counted before there is no sample to count from
	}
	for _, counter := range []struct {
		text string
		into func(*analysis.SideSamples) *[]analysis.Series
	}{
		{metric.Compare.Count.Bad, func(s *analysis.SideSamples) *[]analysis.Series { return &s.Bad }},
		{metric.Compare.Count.Good, func(s *analysis.SideSamples) *[]analysis.Series { return &s.Good }},
		{metric.Compare.Count.Total, func(s *analysis.SideSamples) *[]analysis.Series { return &s.Total }},
	} {
		if counter.text == "" {
			continue
		}
		template, err := query.ParseCounter(counter.text)
		if err != nil {
			return err
		}
		text, err := template.RenderSamples(values, back)
		if err != nil {
			return err
		}
		out.comparison.queries = append(out.comparison.queries, comparisonQuery{
			text: text, into: func(s *analysis.ComparisonSamples) *[]analysis.Series { return counter.into(of(s)) },
		})
	}
	return nil
}

// addValues asks for a value of one side at the end of each window. The first
// window begins where nothing from before the comparison is looked at.
func (r *round) addValues(out *rendered, metric v1alpha1.Metric, values query.Values, of func(*analysis.ComparisonSamples) *analysis.SideSamples) error {
	template, err := query.ParseSide(metric.Query)
	if err != nil {
		return err
	}
	values.Window = query.WindowOf(metric, r.interval)
	text, err := template.Render(values)
	if err != nil {
		return err
	}
	delay := r.subject.Analysis.InitialDelay.Duration
	out.warmUp = delay + values.Window
	ready := r.subject.Status.ReadyAt
	if ready == nil {
		return nil // it is too young for any window, and is not asked
	}
	out.comparison.since = ready.Add(delay)
	out.comparison.queries = append(out.comparison.queries, comparisonQuery{
		text: text, into: func(s *analysis.ComparisonSamples) *[]analysis.Series { return &of(s).Values },
		from: out.comparison.since.Add(values.Window), step: values.Window,
	})
	return nil
}

// comparedSince is when the step under way has begun to be measured.
func (r *round) comparedSince() time.Time {
	step := r.subject.Status.Step
	if step == nil || step.ReadyAt == nil {
		return r.at
	}
	return step.ReadyAt.Add(r.subject.Analysis.InitialDelay.Duration)
}

// askComparison asks all queries of a comparison at once. What goes wrong with one of
// them is told for all.
func (r *round) askComparison(ctx context.Context, c *comparison) (analysis.Observation, error) {
	answers := make([]analysis.Answer, len(c.queries))
	errs := make([]error, len(c.queries))
	var wait sync.WaitGroup
	for i, q := range c.queries {
		wait.Go(func() {
			if q.step == 0 {
				answers[i], errs[i] = r.endpoint.QuerySamples(ctx, q.text, r.at)
			} else {
				answers[i], errs[i] = r.endpoint.QueryRange(ctx, q.text, q.from, r.at, q.step)
			}
		})
	}
	wait.Wait()
	out := analysis.Observation{
		Answer:     analysis.Answer{At: r.at, Query: c.queries[0].text, Type: answers[0].Type},
		Comparison: &analysis.ComparisonSamples{Since: c.since, Asked: c.asked, Scrape: r.endpoint.ScrapeInterval},
	}
	out.Comparison.Canary.Made, out.Comparison.Other.Made = madeAt(r.subject.Pods), madeAt(r.subject.BaselinePods)
	for i, answer := range answers {
		if errs[i] != nil {
			return analysis.Observation{}, errs[i]
		}
		*c.queries[i].into(out.Comparison) = answer.Series
		if out.Error == "" && out.WrongType == "" && (answer.Error != "" || answer.WrongType != "") {
			out.Error, out.Reason, out.WrongType, out.Query = answer.Error, answer.Reason, answer.WrongType, answer.Query
		}
		for _, w := range answer.Warnings {
			if !slices.Contains(out.Warnings, w) {
				out.Warnings = append(out.Warnings, w)
			}
		}
	}
	return out, nil
}

// madeAt is when pods were made. Of those of the Deployment itself the names alone are
// known.
func madeAt(pods []corev1.Pod) map[string]time.Time {
	out := make(map[string]time.Time, len(pods))
	for _, pod := range pods {
		out[pod.Name] = pod.CreationTimestamp.Time
	}
	return out
}
