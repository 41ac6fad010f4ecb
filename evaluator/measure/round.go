package measure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/query"
)

// Observe observes all metrics of a subject for the time of a round, aligned,
// asking their queries at once. It fails only if ctx ends: then there is no round,
// and the next evaluator takes it. The answers take their part of budget, which is
// the caller's to release when the round is needed no more.
func Observe(ctx context.Context, s Subject, lookup Lookup, at time.Time, budget *Reservation) (*lifecycle.Round, error) {
	return new(Queries).Observe(ctx, s, lookup, at, budget)
}

// Observe is what Observe does, and reads no query twice.
func (q *Queries) Observe(ctx context.Context, s Subject, lookup Lookup, at time.Time, budget *Reservation) (*lifecycle.Round, error) {
	of := q.roundsOf(ctx, s, lookup, at)
	observations := make([]analysis.Observation, len(s.Analysis.Metrics))
	errs := make([]error, len(s.Analysis.Metrics))
	var wait sync.WaitGroup
	for i, metric := range s.Analysis.Metrics {
		r := of(metric)
		q, err := safely(ctx, func() (rendered, error) { return r.render(ctx, metric) })
		switch {
		case err != nil:
			observations[i] = failed(err)
		case q.text == "": // it looks at what is known already
		case r.age() < q.warmUp:
			observations[i] = analysis.Observation{WarmingUp: lifecycle.Short(q.warmUp + r.endpoint.Delay)}
		case r.sampledFor() < q.warmUp:
			observations[i] = analysis.Observation{WarmingUp: lifecycle.Short(r.subject.age(r.endpoint.Since.Add(q.warmUp)))}
		default:
			wait.Go(func() {
				o, err := safely(ctx, func() (analysis.Observation, error) { return r.ask(ctx, metric, q) })
				if full := budget.Take(o.Size()); full != nil {
					o = analysis.Observation{Answer: analysis.Answer{Query: o.Query, At: o.At, Error: full.Error()}}
				}
				observations[i], errs[i] = o, err
			})
		}
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("measure run %q: %w", s.Run.Name, context.Cause(ctx))
	}
	out := &lifecycle.Round{At: at, Observations: map[string]analysis.Observation{}}
	for i, metric := range s.Analysis.Metrics {
		if errs[i] != nil {
			observations[i] = failed(errs[i])
		}
		out.Observations[metric.Name] = of(metric).complete(ctx, metric, observations[i])
	}
	return out, nil
}

// roundsOf are the round at the endpoint of the plan, and the one at the probes of the
// run for the metrics that read those.
func (q *Queries) roundsOf(ctx context.Context, s Subject, lookup Lookup, at time.Time) func(v1alpha1.Metric) *round {
	of := map[bool]*round{}
	return func(metric v1alpha1.Metric) *round {
		probes := s.Analysis.ReadsProbes(metric)
		if of[probes] == nil {
			r := &round{queries: q, subject: s, lookup: lookup, interval: s.Analysis.Interval.Duration}
			if probes {
				r.endpoint, r.unknown = lookup.Probes(ctx)
			} else {
				r.endpoint, r.unknown = lookup.Endpoint(ctx, s.Analysis.Endpoint)
			}
			r.at = alignTime(at.Add(-r.endpoint.Delay), r.interval)
			of[probes] = r
		}
		return of[probes]
	}
}

func failed(err error) analysis.Observation {
	return analysis.Observation{Answer: analysis.Answer{Error: err.Error()}}
}

// safely makes a panic an error. Rounds are measured beside the workers, whose
// panics controller-runtime catches: here one query of a tenant would end the
// process, and the next leader's too.
func safely[T any](ctx context.Context, do func() (T, error)) (out T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("an internal error of Holdfast; its log has the rest")
			ctrl.LoggerFrom(ctx).Error(fmt.Errorf("panic: %v", r), "panic while measuring", "stack", string(debug.Stack()))
		}
	}()
	return do()
}

// round is one under way. What a placeholder stands for it finds out when the first
// query uses it.
type round struct {
	queries *Queries
	subject Subject
	lookup  Lookup
	// at is the time that is asked for, as long ago as samples come late; interval is that between two rounds.
	at       time.Time
	interval time.Duration
	// endpoint answers; unknown says why none does.
	endpoint Endpoint
	unknown  error

	// stable are the Deployment's own pods by ReplicaSet, nil while they are not known.
	stable map[string][]string
	// service is the canary's Service, nil while it is not known.
	service *string
}

// rendered is a query as it is sent.
type rendered struct {
	text string
	// values are what its placeholders stand for.
	values query.Values
	// back is how far each value of it looks back, as far as placeholders say.
	back time.Duration
	// warmUp is how long the canary must have been Ready before it is asked.
	warmUp time.Duration
	// comparison are the queries of one, nil for other metrics.
	comparison *comparison
	// beyond asks whether a quantile lies beyond its buckets, "" where that is no matter.
	beyond string
}

// age is how long the canary has been Ready at the time that is asked for,
// shortened to one that other runs are likely to have too.
func (r *round) age() time.Duration {
	return align(r.subject.age(r.at), r.interval)
}

// sampledFor is how long there have been samples of the run.
func (r *round) sampledFor() time.Duration {
	if r.endpoint.Since.IsZero() {
		return r.age()
	}
	return r.at.Sub(r.endpoint.Since)
}

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

// clampWindow keeps a window that ends at a time from reaching back before the
// canary was Ready.
func (r *round) clampWindow(window time.Duration, at time.Time) time.Duration {
	return max(0, min(window, r.subject.age(at)))
}

// complete adds to an observation what is known of the canary otherwise.
func (r *round) complete(ctx context.Context, metric v1alpha1.Metric, o analysis.Observation) analysis.Observation {
	o.Pods, o.Wanted = countedPods(r.subject.Pods), r.subject.Status.Replicas
	o.PodLabel, o.SampleAge = r.endpoint.Labels.Pod, r.endpoint.SampleAge
	o.Deployment = map[string]string{}
	if metric.Labels != nil {
		if err := r.addLabels(ctx, &o); err != nil {
			o.Error = err.Error()
		}
	}
	return o
}

// addLabels adds the labels of what a plan may watch.
func (r *round) addLabels(ctx context.Context, o *analysis.Observation) (err error) {
	if o.Deployment, err = r.lookup.DeploymentLabels(ctx); err != nil {
		return err
	}
	for i, pod := range o.Pods {
		if o.Pods[i].Labels, err = r.lookup.PodLabels(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

// countedPods are the pods that are to be there: not those that are on their
// way out or have ended, in whose place the ReplicaSet makes others.
func countedPods(pods []corev1.Pod) []analysis.Pod {
	var out []analysis.Pod
	for _, pod := range pods {
		ended := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
		if pod.DeletionTimestamp == nil && !ended {
			out = append(out, analysis.Pod{Name: pod.Name, Labels: pod.Labels})
		}
	}
	return out
}

// render is the query of a metric; without text if it has none.
func (r *round) render(ctx context.Context, metric v1alpha1.Metric) (rendered, error) {
	if metric.Compare != nil {
		return r.renderComparison(ctx, metric)
	}
	template, err := r.queries.template(metric, r.endpoint.Labels.Pod)
	if err != nil {
		return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	if template.String() == "" {
		return rendered{}, nil
	}
	if r.unknown != nil {
		return rendered{}, r.unknown
	}
	values := r.values()
	if template.Uses(query.Stable) {
		if err := r.addStable(ctx, &values); err != nil {
			return rendered{}, err
		}
	}
	if template.Uses(query.Service) {
		if values.Service, err = r.serviceName(ctx); err != nil {
			return rendered{}, err
		}
	}
	values.Window = query.WindowOf(metric, r.interval)
	out, err := r.queries.render(metric, template, values, r.endpoint.ScrapeInterval)
	if err != nil {
		return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	values.Window = windowAt(values)
	out.values = values
	return out, nil
}

// windowAt is what {{window}} is cut to, whosever pods it is asked of.
func windowAt(values query.Values) time.Duration { return min(values.Window, values.Age) }

// renderQuery renders the query of a metric, with the window as it is meant.
func renderQuery(metric v1alpha1.Metric, template query.Template, values query.Values, scrape time.Duration) (rendered, error) {
	out := rendered{warmUp: warmUp(metric, template, values, scrape)}
	values.Window = windowAt(values)
	if template.Uses(query.Window) {
		out.back = values.Window
	}
	if template.Uses(query.Interval) {
		out.back = max(out.back, values.Interval)
	}
	var err error
	if out.text, err = template.Render(values); err != nil {
		return rendered{}, err
	}
	if metric.Query != "" && metric.Range.Max != nil {
		out.beyond = query.BeyondBuckets(out.text)
	}
	return out, nil
}

// warmUp is how long the canary must have been Ready before a query is asked, its
// windows being as they are meant. {{window}} is cut to the canary's age wherever it
// stands: four scrapes of it are enough. So they are for all of a built-in query,
// which looks back over {{window}} and no farther, by an offset too.
func warmUp(metric v1alpha1.Metric, template query.Template, values query.Values, scrape time.Duration) time.Duration {
	enough := min(values.Window, max(4*scrape, time.Second))
	if metric.Expect != "" {
		values.Window = enough
	}
	out := template.WarmUp(values, scrape)
	if template.Uses(query.Window) {
		out = max(out, enough)
	}
	return out
}

func (r *round) values() query.Values {
	return query.Values{
		Namespace:  r.subject.Run.Namespace,
		Deployment: r.subject.Deployment,
		Canary:     r.subject.Canary,
		Baseline:   r.subject.Baseline,
		PodNames:   r.subject.PodNames,
		Interval:   r.interval,
		Labels:     r.endpoint.Labels,
		Age:        r.age(),
	}
}

// addStable adds the Deployment's own pods to what placeholders stand for.
func (r *round) addStable(ctx context.Context, values *query.Values) error {
	if r.stable == nil {
		found, err := r.lookup.Stable(ctx)
		if err != nil {
			return err
		}
		r.stable = map[string][]string{}
		maps.Copy(r.stable, found)
	}
	values.Stable, values.PodNames = slices.Sorted(maps.Keys(r.stable)), maps.Clone(r.stable)
	maps.Copy(values.PodNames, r.subject.PodNames)
	return nil
}

// serviceName is the Service that was found when the canary was made, or one
// that came since.
func (r *round) serviceName(ctx context.Context) (string, error) {
	if found := r.subject.Status.Service; found != "" {
		return found, nil
	}
	if r.service == nil {
		name, err := r.lookup.Service(ctx)
		if err != nil {
			return "", err
		}
		r.service = &name
	}
	return *r.service, nil
}
