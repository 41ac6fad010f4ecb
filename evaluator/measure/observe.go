package measure

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
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
