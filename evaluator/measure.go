package evaluator

import (
	"context"
	"fmt"
	"sync"
	"time"

	"holdfast.dev/holdfast/api/query"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/plan"
)

// measure asks all queries of a run for one time, at once. It fails only if ctx
// ends: then there is no round, and the next evaluator takes it.
func (e *evaluator) measure(ctx context.Context, seen observed, at time.Time) (*plan.Round, error) {
	judged := plan.AnalysisOf(seen.Input)
	metrics := judged.Metrics
	values := query.Values{
		Namespace:  seen.run.Namespace,
		Deployment: seen.run.Spec.Deployment,
		Canary:     []string{seen.canaryName()},
		Interval:   judged.Interval.Duration,
		Labels:     e.labels,
	}
	if plan.WantsBaseline(seen.Input) {
		values.Baseline = []string{seen.baselineName()}
	}
	surroundings := &lazy{e: e, seen: seen}
	observations := make([]analysis.Observation, len(metrics))
	errs := make([]error, len(metrics))
	var wait sync.WaitGroup
	for i, metric := range metrics {
		rendered, err := surroundings.render(ctx, metric, values)
		if err != nil {
			observations[i] = analysis.Observation{Error: err.Error()}
			continue
		}
		wait.Go(func() { observations[i], errs[i] = e.prometheus.Query(ctx, rendered, at) })
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
		round.Observations[metric.Name] = observations[i]
	}
	return round, nil
}

// lazy finds out what a placeholder stands for when the first query uses it.
type lazy struct {
	e    *evaluator
	seen observed

	stable      []string
	stableKnown bool
}

func (l *lazy) render(ctx context.Context, metric v1alpha1.Metric, values query.Values) (string, error) {
	template, err := query.Parse(metric.Query)
	if err != nil {
		return "", fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	if template.Uses(query.Stable) {
		if values.Stable, err = l.stableNames(ctx); err != nil {
			return "", err
		}
	}
	if template.Uses(query.Service) {
		if values.Service, err = l.serviceName(ctx); err != nil {
			return "", err
		}
	}
	rendered, err := template.Render(values)
	if err != nil {
		return "", fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	return rendered, nil
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
