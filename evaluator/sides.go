package evaluator

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/query"
)

// sides are the queries of a comparison, as they are sent.
type sides struct {
	// since is when what is compared begins, asked since when samples are asked for.
	since, asked time.Time
	queries      []sideQuery
}

// sideQuery is one of them, and where in the answer it belongs.
type sideQuery struct {
	text string
	into func(*analysis.Sides) *[]analysis.Series
	// step is that of a range query from a time; zero asks for samples.
	step time.Duration
	from time.Time
}

// sampleReach is how far before an interval its first samples are looked for.
const sampleReach = 5 * time.Minute

// renderSides are the queries of a metric that compares, for both sides.
func (a *asking) renderSides(ctx context.Context, metric v1alpha1.Metric) (rendered, error) {
	if a.unknown != nil {
		return rendered{}, a.unknown
	}
	values := a.values()
	values.Age = 0
	other := values.Baseline
	if metric.Compare.To == v1alpha1.CompareToStable {
		names, err := a.stableNames(ctx)
		if err != nil {
			return rendered{}, err
		}
		other = names
	}
	if usesService(*metric.Compare, metric.Query) {
		service, err := a.serviceName(ctx)
		if err != nil {
			return rendered{}, err
		}
		values.Service = service
	}
	out := rendered{sides: &sides{}}
	for _, side := range []struct {
		pods []string
		of   func(*analysis.Sides) *analysis.Side
	}{
		{values.Canary, func(s *analysis.Sides) *analysis.Side { return &s.Canary }},
		{other, func(s *analysis.Sides) *analysis.Side { return &s.Other }},
	} {
		values.Pods = side.pods
		add := a.addValues
		if metric.Compare.Count != nil {
			add = a.addCounters
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
func (a *asking) addCounters(out *rendered, metric v1alpha1.Metric, values query.Values, of func(*analysis.Sides) *analysis.Side) error {
	out.sides.since = a.comparedSince()
	out.warmUp = 2 * a.endpoint.ScrapeInterval
	from := analysis.CountFrom(analysis.Find(a.seen.run.Status.Metrics, metric.Name), out.sides.since, a.at)
	back := align(max(a.at.Sub(from), 0)+sampleReach, time.Second)
	out.sides.asked = a.at.Add(-back)
	for _, counter := range []struct {
		text string
		into func(*analysis.Side) *[]analysis.Series
	}{
		{metric.Compare.Count.Bad, func(s *analysis.Side) *[]analysis.Series { return &s.Bad }},
		{metric.Compare.Count.Good, func(s *analysis.Side) *[]analysis.Series { return &s.Good }},
		{metric.Compare.Count.Total, func(s *analysis.Side) *[]analysis.Series { return &s.Total }},
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
		out.sides.queries = append(out.sides.queries, sideQuery{
			text: text, into: func(s *analysis.Sides) *[]analysis.Series { return counter.into(of(s)) },
		})
	}
	return nil
}

// addValues asks for a value of one side at the end of each window. The first
// window begins where nothing from before the comparison is looked at.
func (a *asking) addValues(out *rendered, metric v1alpha1.Metric, values query.Values, of func(*analysis.Sides) *analysis.Side) error {
	template, err := query.ParseSide(metric.Query)
	if err != nil {
		return err
	}
	values.Window = query.WindowOf(metric, a.interval)
	text, err := template.Render(values)
	if err != nil {
		return err
	}
	delay := lifecycle.AnalysisOf(a.seen.Snapshot).InitialDelay.Duration
	out.warmUp = delay + values.Window
	ready := a.seen.run.Status.ReadyAt
	if ready == nil {
		return nil // it is too young for any window, and is not asked
	}
	out.sides.since = ready.Add(delay)
	out.sides.queries = append(out.sides.queries, sideQuery{
		text: text, into: func(s *analysis.Sides) *[]analysis.Series { return &of(s).Values },
		from: out.sides.since.Add(values.Window), step: values.Window,
	})
	return nil
}

// comparedSince is when the step under way has begun to be measured.
func (a *asking) comparedSince() time.Time {
	step := a.seen.run.Status.Step
	if step == nil || step.ReadyAt == nil {
		return a.at
	}
	return step.ReadyAt.Add(lifecycle.AnalysisOf(a.seen.Snapshot).InitialDelay.Duration)
}

// askSides asks all queries of a comparison at once. What goes wrong with one of
// them is told for all.
func (a *asking) askSides(ctx context.Context, s *sides) (analysis.Observation, error) {
	answers := make([]analysis.Observation, len(s.queries))
	errs := make([]error, len(s.queries))
	var wait sync.WaitGroup
	for i, q := range s.queries {
		wait.Go(func() {
			if q.step == 0 {
				answers[i], errs[i] = a.endpoint.QuerySamples(ctx, q.text, a.at)
			} else {
				answers[i], errs[i] = a.endpoint.QueryRange(ctx, q.text, q.from, a.at, q.step)
			}
		})
	}
	wait.Wait()
	out := analysis.Observation{
		Answer: analysis.Answer{At: a.at, Query: s.queries[0].text},
		Sides:  &analysis.Sides{Since: s.since, Asked: s.asked, Scrape: a.endpoint.ScrapeInterval},
	}
	out.Sides.Canary.Made, out.Sides.Other.Made = madeAt(a.seen.Pods), madeAt(a.seen.BaselinePods)
	for i, answer := range answers {
		if errs[i] != nil {
			return analysis.Observation{}, errs[i]
		}
		*s.queries[i].into(out.Sides) = answer.Series
		if out.Error == "" && out.WrongType == "" && (answer.Error != "" || answer.WrongType != "") {
			out.Error, out.WrongType, out.Query = answer.Error, answer.WrongType, answer.Query
		}
		for _, w := range answer.Warnings {
			if !slices.Contains(out.Warnings, w) {
				out.Warnings = append(out.Warnings, w)
			}
		}
	}
	return out, nil
}

// madeAt is when pods were made. Those of the Deployment itself are not watched,
// so nothing is known of them.
func madeAt(pods []corev1.Pod) map[string]time.Time {
	out := make(map[string]time.Time, len(pods))
	for _, pod := range pods {
		out[pod.Name] = pod.CreationTimestamp.Time
	}
	return out
}
