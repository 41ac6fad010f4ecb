package backtest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/backtest"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/internal/query"
)

// trial is a plan to be tried, and where.
type trial struct {
	Options
	prepared backtest.Prepared
	name     string
	from, to time.Time
	// until is up to when is looked at what became of rollouts.
	until     time.Time
	endpoints measure.EndpointFunc
	recorder  recorder
	// recorded are the Deployment's pods.
	recorded []backtest.RecordedPod
	progress io.Writer
}

func (o *Options) prepare(in io.Reader, progress io.Writer, now time.Time) (*trial, error) {
	t := &trial{Options: *o, progress: progress}
	var err error
	if t.from, t.to, err = o.times(now); err != nil {
		return nil, err
	}
	object, err := readPlan(o.plan, in)
	if err != nil {
		return nil, err
	}
	if t.prepared, err = backtest.Prepare(object.Spec); err != nil {
		return nil, fmt.Errorf("plan %s: %w", o.plan, err)
	}
	t.name = cmp.Or(object.Name, o.plan)
	t.namespace = cmp.Or(t.namespace, object.Namespace, "default")
	t.service = cmp.Or(t.service, t.deployment)
	t.until = now
	t.until = t.horizon(t.to)
	return t, t.connect()
}

// horizon is up to when is looked at what became of a rollout that began at a time.
func (t *trial) horizon(began time.Time) time.Time {
	spec := t.prepared.Spec
	if end := began.Add(2*spec.Total() + spec.ReadyDeadline.Duration + time.Hour); end.Before(t.until) {
		return end
	}
	return t.until
}

func readPlan(name string, stdin io.Reader) (v1alpha1.CanaryPlan, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	var out v1alpha1.CanaryPlan
	if err != nil {
		return out, fmt.Errorf("read plan: %w", err)
	}
	if err := yaml.UnmarshalStrict(text, &out); err != nil {
		return out, fmt.Errorf("plan %s: %w", name, err)
	}
	if out.Kind != "CanaryPlan" {
		return out, fmt.Errorf("plan %s: its kind is %q, want a CanaryPlan", name, out.Kind)
	}
	return out, nil
}

// connect finds the endpoint of the plan.
func (t *trial) connect() error {
	known, err := promql.Open(t.prometheusEndpoints, t.fallback(), promql.NewMetrics(prometheus.NewRegistry()), clock.RealClock{})
	if err != nil {
		return err
	}
	t.endpoints = measure.EndpointsOf(known)
	found, err := t.endpoints(t.namespace, t.prepared.Spec.Analysis.Endpoint, nil)
	if err != nil {
		return err
	}
	t.recorder = recorder{
		asked: found, labels: found.Labels, namespace: t.namespace,
		pattern: t.podPattern(), sets: t.setPattern(), cut: t.pods == "" && maybeCut(t.deployment), step: max(found.ScrapeInterval, time.Second),
	}
	return nil
}

// decide finds the rollouts and replays each.
func (t *trial) decide(ctx context.Context) ([]backtest.Judgement, error) {
	rollouts, err := t.find(ctx)
	if err != nil {
		return nil, err
	}
	var out []backtest.Judgement
	for i, r := range rollouts {
		fmt.Fprintf(t.progress, "rollout %d of %d: %s at %s\n", i+1, len(rollouts), cmp.Or(r.ReplicaSet, "none"), stamp(r.At))
		if err := t.recorder.restarts(ctx, &r, t.horizon(r.At)); err != nil {
			return nil, err
		}
		d, err := backtest.Replay(t.prepared, r, backtest.Settings{
			Namespace: t.namespace, Deployment: t.deployment, Service: t.service, Until: t.until,
			Measure: func(in lifecycle.Snapshot, at time.Time) (*lifecycle.Round, error) {
				return t.measure(ctx, in, r, at)
			},
		})
		if err != nil {
			return nil, fmt.Errorf("rollout of %s at %s: %w", r.ReplicaSet, stamp(r.At), err)
		}
		out = append(out, d)
	}
	return out, nil
}

// measure observes the metrics of the plan at a time of the past, just as a run in
// that state would have: the same queries, cut to the same windows. There was no
// baseline, so the stable pods stand for it.
func (t *trial) measure(ctx context.Context, in lifecycle.Snapshot, r backtest.Rollout, at time.Time) (*lifecycle.Round, error) {
	s := measure.SubjectOf(in)
	s.Canary, s.Baseline = []string{r.ReplicaSet}, r.Stable
	s.PodNames = backtest.Names(t.recorded, r, t.horizon(r.At))
	stable := maps.Clone(s.PodNames)
	maps.DeleteFunc(stable, func(set string, _ []string) bool { return !slices.Contains(r.Stable, set) })
	past := measure.PastLookup{Endpoints: t.endpoints, Namespace: t.namespace, StablePods: stable}
	return measure.Observe(ctx, s, past, at, new(measure.Budget).Reserve(t.namespace))
}

// before is how long before a time pods are looked for that were there already.
const before = 2 * stretch

func (t *trial) find(ctx context.Context) ([]backtest.Rollout, error) {
	fmt.Fprintf(t.progress, "looking for rollouts of %s/%s from %s to %s\n", t.namespace, t.deployment, stamp(t.from), stamp(t.to))
	names := query.Values{
		Namespace: t.namespace, Deployment: t.deployment, Service: t.service, Labels: t.recorder.labels,
		Canary: []string{"canary"}, Pods: []string{"canary"}, Interval: time.Minute, Window: time.Minute,
	}
	pods, source, err := t.recorder.pods(ctx, t.prepared, names, t.from.Add(-before), t.until)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(t.progress, "%d pods were recorded by %s\n", len(pods), source)
	t.recorded = pods
	found := backtest.Find(pods, t.from, t.to)
	if len(t.rollouts) > 0 {
		return backtest.Near(found, t.rollouts), nil
	}
	return found, nil
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }
