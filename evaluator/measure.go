package evaluator

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/query"
)

// measure observes all metrics of a run for the time of a round, aligned, asking
// their queries at once. It fails only if ctx ends: then there is no round, and
// the next evaluator takes it. The answers stay in room as long as the round does.
func (e *evaluator) measure(ctx context.Context, seen observed, at time.Time, answers *stay) (*lifecycle.Round, error) {
	judged := lifecycle.AnalysisOf(seen.Snapshot)
	round := &lifecycle.Round{At: at, Observations: map[string]analysis.Observation{}}
	asking := &asking{e: e, seen: seen, interval: judged.Interval.Duration, at: alignTime(at, judged.Interval.Duration)}
	asking.endpoint, asking.unknown = e.endpoint(ctx, seen.run.Namespace, judged.Endpoint)
	observations := make([]analysis.Observation, len(judged.Metrics))
	errs := make([]error, len(judged.Metrics))
	var wait sync.WaitGroup
	for i, metric := range judged.Metrics {
		q, err := safely(ctx, func() (rendered, error) { return asking.render(ctx, metric) })
		switch {
		case err != nil:
			observations[i] = analysis.Observation{Answer: analysis.Answer{Error: err.Error()}}
		case q.text == "": // it looks at what is known already
		case asking.age() < q.warmUp:
			observations[i] = analysis.Observation{WarmingUp: lifecycle.Short(q.warmUp)}
		default:
			wait.Go(func() {
				o, err := safely(ctx, func() (analysis.Observation, error) { return asking.ask(ctx, metric, q) })
				if full := answers.take(o.Size()); full != nil {
					o = analysis.Observation{Answer: analysis.Answer{Query: o.Query, At: o.At, Error: full.Error()}}
				}
				observations[i], errs[i] = o, err
			})
		}
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("measure run %q: %w", seen.run.Name, context.Cause(ctx))
	}
	for i, metric := range judged.Metrics {
		if errs[i] != nil {
			observations[i] = analysis.Observation{Answer: analysis.Answer{Error: errs[i].Error()}}
		}
		round.Observations[metric.Name] = asking.surround(ctx, metric, observations[i])
	}
	return round, nil
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

// asking is the asking of one round. What a placeholder stands for it finds out
// when the first query uses it.
type asking struct {
	e    *evaluator
	seen observed
	// at is the time that is asked for, interval that between two rounds.
	at       time.Time
	interval time.Duration
	// endpoint answers; unknown says why none does.
	endpoint Endpoint
	unknown  error

	stable      []string
	stableKnown bool
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
	// sides are the queries of a comparison, nil for other metrics.
	sides *sides
	// beyond asks whether a quantile lies beyond its buckets, "" where that is no matter.
	beyond string
}

// age is how long the canary has been Ready at the time that is asked for,
// shortened to one that other runs are likely to have too.
func (a *asking) age() time.Duration {
	ready := a.seen.run.Status.ReadyAt
	if ready == nil {
		return 0
	}
	return align(a.at.Sub(ready.Time), a.interval)
}

// ask asks the query of a metric, for the time or for what it looks back over:
// from when the first value of a range no longer looks back before Ready, and has
// samples enough.
func (a *asking) ask(ctx context.Context, metric v1alpha1.Metric, q rendered) (analysis.Observation, error) {
	if q.sides != nil {
		return a.askSides(ctx, q.sides)
	}
	var o analysis.Observation
	var err error
	if metric.Over == nil {
		o, err = a.endpoint.Query(ctx, q.text, a.at)
	} else {
		step := analysis.Step(*metric.Over)
		back := a.clampWindow(metric.Over.Duration.Duration, a.at.Add(-max(q.back, q.warmUp)))
		from := a.at.Add(-back.Truncate(step)) // so that a step ends at the time itself
		o, err = a.endpoint.QueryRange(ctx, q.text, from, a.at, step)
	}
	o.At = a.at
	if err == nil && q.beyond != "" && mayBeBound(o) {
		beyond, err := a.endpoint.Query(ctx, q.beyond, a.at)
		if err != nil || beyond.Error != "" {
			return beyond, err
		}
		o.BeyondBuckets, o.Warnings = len(beyond.Series) > 0, append(o.Warnings, beyond.Warnings...)
	}
	if err == nil && analysis.WantsExamples(metric, a.at, a.surround(ctx, metric, o)) {
		o.Examples = a.askExamples(ctx, metric, q)
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
func (a *asking) askExamples(ctx context.Context, metric v1alpha1.Metric, q rendered) []analysis.Series {
	template, err := query.ExamplesOf(metric, a.endpoint.Labels.Pod)
	if err != nil {
		return nil
	}
	text, err := template.Render(q.values)
	if err != nil {
		return nil
	}
	o, err := a.endpoint.Query(ctx, text, a.at)
	if err != nil {
		return nil
	}
	return o.Series
}

// clampWindow keeps a window that ends at a time from reaching back before the
// canary was Ready.
func (a *asking) clampWindow(window time.Duration, at time.Time) time.Duration {
	ready := a.seen.run.Status.ReadyAt
	if ready == nil {
		return 0
	}
	return max(0, min(window, at.Sub(ready.Time)))
}

// surround adds to an observation what is known of the canary otherwise.
func (a *asking) surround(ctx context.Context, metric v1alpha1.Metric, o analysis.Observation) analysis.Observation {
	o.Pods, o.Wanted = countedPods(a.seen.Pods), a.seen.run.Status.Replicas
	o.PodLabel = a.endpoint.Labels.Pod
	o.Deployment = map[string]string{}
	if metric.Labels != nil {
		if err := a.addLabels(ctx, &o); err != nil {
			o.Error = err.Error()
		}
	}
	return o
}

// addLabels adds the labels of what a plan may watch.
func (a *asking) addLabels(ctx context.Context, o *analysis.Observation) (err error) {
	if d := a.seen.deployment; d.Unstructured != nil {
		if o.Deployment, err = a.e.labelsOf(ctx, d.GroupVersionKind(), d); err != nil {
			return err
		}
	}
	for i, pod := range o.Pods {
		cached := &metav1.ObjectMeta{Namespace: a.seen.run.Namespace, Name: pod.Name, Labels: pod.Labels}
		if o.Pods[i].Labels, err = a.e.labelsOf(ctx, podKind, &metav1.PartialObjectMetadata{ObjectMeta: *cached}); err != nil {
			return err
		}
	}
	return nil
}

var podKind = corev1.SchemeGroupVersion.WithKind("Pod")

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
func (a *asking) render(ctx context.Context, metric v1alpha1.Metric) (rendered, error) {
	if metric.Compare != nil {
		return a.renderSides(ctx, metric)
	}
	template, err := query.Of(metric, a.endpoint.Labels.Pod)
	if err != nil {
		return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	if template.String() == "" {
		return rendered{}, nil
	}
	if a.unknown != nil {
		return rendered{}, a.unknown
	}
	values := a.values()
	if template.Uses(query.Stable) {
		if values.Stable, err = a.stableNames(ctx); err != nil {
			return rendered{}, err
		}
	}
	if template.Uses(query.Service) {
		if values.Service, err = a.serviceName(ctx); err != nil {
			return rendered{}, err
		}
	}
	values.Window = query.WindowOf(metric, a.interval)
	out := rendered{warmUp: a.warmUp(metric, template, values)}
	values.Window = min(values.Window, values.Age) // whosever pods it is asked of
	if template.Uses(query.Window) {
		out.back = values.Window
	}
	if template.Uses(query.Interval) {
		out.back = max(out.back, values.Interval)
	}
	if out.text, err = template.Render(values); err != nil {
		return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	if metric.Query != "" && metric.Range.Max != nil {
		out.beyond = query.BeyondBuckets(out.text)
	}
	out.values = values
	return out, nil
}

// warmUp is how long the canary must have been Ready before a query is asked, its
// windows being as they are meant. {{window}} is cut to the canary's age wherever it
// stands: four scrapes of it are enough. So they are for all of a built-in query,
// which looks back over {{window}} and no farther, by an offset too.
func (a *asking) warmUp(metric v1alpha1.Metric, template query.Template, values query.Values) time.Duration {
	enough := min(values.Window, max(4*a.endpoint.ScrapeInterval, time.Second))
	if metric.Expect != "" {
		values.Window = enough
	}
	out := template.WarmUp(values, a.endpoint.ScrapeInterval)
	if template.Uses(query.Window) {
		out = max(out, enough)
	}
	return out
}

func (a *asking) values() query.Values {
	values := query.Values{
		Namespace:  a.seen.run.Namespace,
		Deployment: a.seen.run.Spec.Deployment,
		Canary:     []string{a.seen.canaryName()},
		Interval:   a.interval,
		Labels:     a.endpoint.Labels,
		Age:        a.age(),
	}
	if lifecycle.WantsBaseline(a.seen.Snapshot) {
		values.Baseline = []string{a.seen.baselineName()}
	}
	if a.seen.past == nil {
		values.PodNames = map[string][]string{
			a.seen.canaryName():   namesOf(a.seen.ownCanary, a.seen.Pods),
			a.seen.baselineName(): namesOf(a.seen.ownBaseline, a.seen.BaselinePods),
		}
	}
	a.seen.past.fill(&values)
	return values
}

func (a *asking) stableNames(ctx context.Context) ([]string, error) {
	if a.seen.past != nil {
		return a.seen.past.Stable, nil
	}
	if !a.stableKnown {
		names, err := a.e.stableReplicaSets(ctx, a.seen.deployment)
		if err != nil {
			return nil, err
		}
		a.stable, a.stableKnown = names, true
	}
	return a.stable, nil
}

// serviceName is the Service that was found when the canary was made, or one
// that came since.
func (a *asking) serviceName(ctx context.Context) (string, error) {
	if found := a.seen.run.Status.Service; found != "" || a.seen.canary == nil {
		return found, nil
	}
	if a.service == nil {
		name, err := a.e.serviceOf(ctx, a.seen.canary)
		if err != nil {
			return "", err
		}
		a.service = &name
	}
	return *a.service, nil
}
