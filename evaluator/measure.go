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

// measure asks all queries of a run for the time of a round, aligned, at once. It fails only if ctx
// ends: then there is no round, and the next evaluator takes it.
func (e *evaluator) measure(ctx context.Context, seen observed, at time.Time) (*plan.Round, error) {
	metrics := seen.run.Spec.Plan.Analysis.Metrics
	round := &plan.Round{At: at, Observations: map[string]analysis.Observation{}}
	interval := seen.run.Spec.Plan.Analysis.Interval.Duration
	at = alignTime(at, interval)
	prometheus, unknown := e.endpoints(seen.run.Namespace, seen.run.Spec.Plan.Analysis.Endpoint)
	values := query.Values{
		Namespace:  seen.run.Namespace,
		Deployment: seen.run.Spec.Deployment,
		Canary:     []string{seen.run.Name},
		Interval:   interval,
		Labels:     prometheus.Labels,
		Age:        align(age(seen.run, at), interval),
	}
	surroundings := &lazy{e: e, seen: seen}
	observations := make([]analysis.Observation, len(metrics))
	errs := make([]error, len(metrics))
	var wait sync.WaitGroup
	for i, metric := range metrics {
		if unknown != nil {
			observations[i] = analysis.Observation{Error: unknown.Error()}
			continue
		}
		rendered, warmUp, err := surroundings.render(ctx, metric, values, prometheus.ScrapeInterval)
		if err != nil {
			observations[i] = analysis.Observation{Error: err.Error()}
			continue
		}
		if values.Age < warmUp {
			observations[i] = analysis.Observation{WarmingUp: plan.Short(warmUp)}
			continue
		}
		wait.Go(func() { observations[i], errs[i] = prometheus.Query(ctx, rendered, at) })
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("measure run %q: %w", seen.run.Name, context.Cause(ctx))
	}
	for i, metric := range metrics {
		if errs[i] != nil {
			observations[i] = analysis.Observation{Error: errs[i].Error()}
		}
		observations[i].At = at
		round.Observations[metric.Name] = observations[i]
	}
	return round, nil
}

// age is how long a run's canary has been Ready at a time.
func age(run *v1alpha1.CanaryRun, at time.Time) time.Duration {
	if run.Status.ReadyAt == nil {
		return 0
	}
	return at.Sub(run.Status.ReadyAt.Time)
}

// lazy finds out what a placeholder stands for when the first query uses it.
type lazy struct {
	e    *evaluator
	seen observed

	stable      []string
	stableKnown bool
}

// render returns a metric's query, and how old the canary must be for it.
func (l *lazy) render(ctx context.Context, metric v1alpha1.Metric, values query.Values, scrape time.Duration) (string, time.Duration, error) {
	template, err := query.Parse(metric.Query)
	if err != nil {
		return "", 0, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	if template.Uses(query.Stable) {
		if values.Stable, err = l.stableNames(ctx); err != nil {
			return "", 0, err
		}
	}
	if template.Uses(query.Service) {
		if values.Service, err = l.serviceName(ctx); err != nil {
			return "", 0, err
		}
	}
	rendered, err := template.Render(values)
	if err != nil {
		return "", 0, fmt.Errorf("query of metric %s: %w", metric.Name, err)
	}
	return rendered, template.WarmUp(values, scrape), nil
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
