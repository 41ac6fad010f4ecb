package evaluator

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/query"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/plan"
)

// measure observes all metrics of a run at one time, asking their queries at
// once. It fails only if ctx ends: then there is no round, and the next
// evaluator takes it.
func (e *evaluator) measure(ctx context.Context, seen observed, at time.Time) (*plan.Round, error) {
	metrics := plan.AnalysisOf(seen.Input).Metrics
	surroundings := &lazy{e: e, seen: seen}
	observations := make([]analysis.Observation, len(metrics))
	errs := make([]error, len(metrics))
	var wait sync.WaitGroup
	for i, metric := range metrics {
		q, err := surroundings.render(ctx, metric, at)
		if err != nil {
			observations[i] = analysis.Observation{Error: err.Error()}
			continue
		}
		if q.text == "" { // it looks at what is known already
			continue
		}
		wait.Go(func() { observations[i], errs[i] = e.ask(ctx, seen, metric, q, at) })
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("measure run %q: %w", seen.run.Name, context.Cause(ctx))
	}
	round := &plan.Round{At: at, Observations: map[string]analysis.Observation{}}
	for i, metric := range metrics {
		if errs[i] != nil {
			observations[i] = analysis.Observation{Error: errs[i].Error()}
		}
		round.Observations[metric.Name] = e.surround(seen, observations[i])
	}
	return round, nil
}

// rendered is a query as it is sent.
type rendered struct {
	text string
	// back is how far each value of it looks back, as far as placeholders say.
	back time.Duration
}

// ask asks the query of a metric, for the time or for what it looks back over:
// from when the first value of a range no longer looks back before Ready.
func (e *evaluator) ask(ctx context.Context, seen observed, metric v1alpha1.Metric, q rendered, at time.Time) (analysis.Observation, error) {
	if metric.Over == nil {
		return e.prometheus.Query(ctx, q.text, at)
	}
	step := analysis.Step(*metric.Over)
	back := clampWindow(metric.Over.Duration.Duration, seen.run, at.Add(-q.back))
	from := at.Add(-back.Truncate(step)) // so that a step ends at the time itself
	return e.prometheus.QueryRange(ctx, q.text, from, at, step)
}

// clampWindow keeps a window from reaching back before the canary was Ready.
func clampWindow(window time.Duration, run *v1alpha1.CanaryRun, at time.Time) time.Duration {
	if run.Status.ReadyAt == nil {
		return 0
	}
	return max(0, min(window, at.Sub(run.Status.ReadyAt.Time)))
}

// surround adds to an observation what is known of the canary otherwise.
func (e *evaluator) surround(seen observed, o analysis.Observation) analysis.Observation {
	o.Pods, o.Wanted = countedPods(seen.Pods), seen.run.Status.Replicas
	o.PodLabel = e.labels.Pod
	o.Deployment = map[string]string{}
	if seen.deployment.Unstructured != nil {
		o.Deployment = seen.deployment.GetLabels()
	}
	return o
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

// lazy finds out what a placeholder stands for when the first query uses it.
type lazy struct {
	e    *evaluator
	seen observed

	stable      []string
	stableKnown bool
}

// render is the query of a metric; without text if it has none.
func (l *lazy) render(ctx context.Context, metric v1alpha1.Metric, at time.Time) (rendered, error) {
	template, err := query.Of(metric, l.e.labels.Pod)
	if err != nil {
		return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	if template.String() == "" {
		return rendered{}, nil
	}
	values := l.values(metric, at)
	if template.Uses(query.Stable) {
		if values.Stable, err = l.stableNames(ctx); err != nil {
			return rendered{}, err
		}
	}
	if template.Uses(query.Service) {
		if values.Service, err = l.serviceName(ctx); err != nil {
			return rendered{}, err
		}
	}
	var out rendered
	if out.text, err = template.Render(values); err != nil {
		return rendered{}, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	if template.Uses(query.Window) {
		out.back = values.Window
	}
	if template.Uses(query.Interval) {
		out.back = max(out.back, values.Interval)
	}
	return out, nil
}

// minWindow is what windows are at least where none is said: a rate needs two
// scrapes, and most are not farther apart than a minute.
const minWindow = 2 * time.Minute

func (l *lazy) values(metric v1alpha1.Metric, at time.Time) query.Values {
	run := l.seen.run
	interval := plan.AnalysisOf(l.seen.Input).Interval.Duration
	window := max(interval, minWindow)
	if metric.Window != nil {
		window = metric.Window.Duration
	}
	values := query.Values{
		Namespace:  run.Namespace,
		Deployment: run.Spec.Deployment,
		Canary:     []string{l.seen.canaryName()},
		Interval:   interval,
		Window:     clampWindow(window, run, at),
		Labels:     l.e.labels,
	}
	if plan.WantsBaseline(l.seen.Input) {
		values.Baseline = []string{l.seen.baselineName()}
	}
	return values
}

func (l *lazy) stableNames(ctx context.Context) ([]string, error) {
	if !l.stableKnown {
		names, err := l.e.stableReplicaSets(ctx, l.seen.deployment)
		if err != nil {
			return nil, err
		}
		l.stable, l.stableKnown = names, true
	}
	return l.stable, nil
}

// serviceName is the Service that was found when the canary was made, or one
// that came since.
func (l *lazy) serviceName(ctx context.Context) (string, error) {
	if found := l.seen.run.Status.Service; found != "" || l.seen.canary == nil {
		return found, nil
	}
	return l.e.serviceOf(ctx, l.seen.canary)
}
