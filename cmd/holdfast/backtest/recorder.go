package backtest

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/backtest"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/internal/labelname"
	"holdfast.dev/holdfast/internal/query"
)

// recorder asks a Prometheus what it has recorded of the pods of a Deployment.
type recorder struct {
	asked     measure.Querier
	labels    query.Labels
	namespace string
	// pattern is the regular expression of the pods' names, sets that of the names of
	// their ReplicaSets. cut says that these may not stand whole in those.
	pattern string
	sets    *regexp.Regexp
	cut     bool
	// step is the precision of times.
	step time.Duration
}

// stretch is how long a time one value of a query is about, and request how many
// of them are asked for at once.
const (
	stretch = time.Hour
	request = 24 * time.Hour
)

// pods finds the pods that were there in a time, and says what told of them:
// kube-state-metrics, if it was there, or the series of the plan's own queries.
func (r *recorder) pods(ctx context.Context, plan backtest.Prepared, values query.Values, from, to time.Time) ([]backtest.RecordedPod, string, error) {
	owned := fmt.Sprintf(`kube_pod_owner{namespace=%q,pod=~%q,owner_kind="ReplicaSet"}`, r.namespace, r.pattern)
	found, err := r.seen(ctx, owned, "pod", "owner_name", from, to)
	if err != nil {
		return nil, "", err
	}
	if len(found) > 0 {
		maps.DeleteFunc(found, func(_ string, pod backtest.RecordedPod) bool { return !r.sets.MatchString(pod.ReplicaSet) })
		if err := r.ownedBy(ctx, values.Deployment, found, from, to); err != nil {
			return nil, "", err
		}
		err := r.ready(ctx, found, from, to)
		return slices.Collect(maps.Values(found)), "kube-state-metrics", err
	}
	if r.cut {
		return nil, "", fmt.Errorf("names of pods of Deployment %s are cut, and others may have such names: whose they are is told by kube_pod_owner of kube-state-metrics alone, which was not recorded (scrape it with honor_labels: true)", values.Deployment)
	}
	var selectors []string
	for _, t := range plan.Templates(r.labels) {
		selectors = append(selectors, t.CanarySelectors(values, r.pattern)...)
	}
	selectors = append(selectors, fmt.Sprintf(`up{%s=%q,%s=~%q}`, labelname.Quoted(r.labels.Namespace), r.namespace, labelname.Quoted(r.labels.Pod), r.pattern))
	slices.Sort(selectors)
	for _, selector := range slices.Compact(selectors) {
		more, err := r.seen(ctx, selector, r.labels.Pod, "", from, to)
		if err != nil {
			return nil, "", err
		}
		for name, pod := range more {
			merge(found, name, pod)
		}
	}
	return slices.Collect(maps.Values(found)), "the series of the plan's queries", nil
}

// seen finds when pods were first and last seen by the samples of a selector.
func (r *recorder) seen(ctx context.Context, selector, podLabel, setLabel string, from, to time.Time) (map[string]backtest.RecordedPod, error) {
	by := labelname.Quoted(podLabel)
	if setLabel != "" {
		by += ", " + setLabel
	}
	out := map[string]backtest.RecordedPod{}
	for _, end := range []string{"min", "max"} {
		text := fmt.Sprintf("%s by (%s) (%s_over_time(timestamp(%s)[%s:%s]))",
			end, by, end, selector, query.Duration(stretch), query.Duration(r.step))
		err := r.each(ctx, text, from, to, func(labels map[string]string, at time.Time) {
			name := labels[podLabel]
			set := labels[setLabel]
			if setLabel == "" {
				set = backtest.ReplicaSetOf(name)
			}
			merge(out, name, backtest.RecordedPod{Name: name, ReplicaSet: set, First: at, Last: at})
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ownedBy leaves out the pods of ReplicaSets that are not the Deployment's, such
// as canaries, if it was recorded whose they are.
func (r *recorder) ownedBy(ctx context.Context, deployment string, pods map[string]backtest.RecordedPod, from, to time.Time) error {
	owned := fmt.Sprintf(`kube_replicaset_owner{namespace=%q,owner_kind="Deployment",owner_name=%q}`, r.namespace, deployment)
	sets, err := r.seen(ctx, owned, "replicaset", "", from, to)
	if err != nil || len(sets) == 0 {
		return err
	}
	maps.DeleteFunc(pods, func(_ string, pod backtest.RecordedPod) bool {
		_, is := sets[pod.ReplicaSet]
		return !is
	})
	return nil
}

func merge(into map[string]backtest.RecordedPod, name string, pod backtest.RecordedPod) {
	known, ok := into[name]
	if !ok {
		into[name] = pod
		return
	}
	if pod.First.Before(known.First) {
		known.First = pod.First
	}
	if pod.Last.After(known.Last) {
		known.Last = pod.Last
	}
	into[name] = known
}

// ready adds when pods were first Ready, if that was recorded of any.
func (r *recorder) ready(ctx context.Context, pods map[string]backtest.RecordedPod, from, to time.Time) error {
	condition := fmt.Sprintf(`kube_pod_status_ready{namespace=%q,pod=~%q,condition="true"}`, r.namespace, r.pattern)
	first := map[string]time.Time{}
	text := fmt.Sprintf("min by (pod) (min_over_time(timestamp(%s == 1)[%s:%s]))", condition, query.Duration(stretch), query.Duration(r.step))
	err := r.each(ctx, text, from, to, func(labels map[string]string, at time.Time) {
		if known, ok := first[labels["pod"]]; !ok || at.Before(known) {
			first[labels["pod"]] = at
		}
	})
	if err != nil || len(first) == 0 {
		return err
	}
	for name, pod := range pods {
		pod.Ready = first[name]
		pod.NeverReady = pod.Ready.IsZero()
		pods[name] = pod
	}
	return nil
}

// restarts adds what was recorded of restarts in a time to the pods of a rollout.
func (r *recorder) restarts(ctx context.Context, rollout *backtest.Rollout, to time.Time) error {
	if len(rollout.Pods) == 0 {
		return nil
	}
	text := fmt.Sprintf(`sum by (pod) (kube_pod_container_status_restarts_total{namespace=%q,pod=~%q})`,
		r.namespace, strings.Join(rollout.Names(), "|"))
	const most = 1000 // samples of a series
	step := max(r.step, (to.Sub(rollout.At) / most).Truncate(time.Second))
	o, err := r.ask(ctx, text, rollout.At, to, step)
	if err != nil {
		return err
	}
	for i := range rollout.Pods {
		for _, s := range o.Series {
			if s.Metric["pod"] == rollout.Pods[i].Name {
				rollout.Pods[i].Restarts = s.Samples
			}
		}
	}
	return nil
}

// each visits the values, which are times, of a query that looks back over a
// stretch, for every stretch of a time.
func (r *recorder) each(ctx context.Context, text string, from, to time.Time, visit func(labels map[string]string, at time.Time)) error {
	for end := to; end.After(from); end = end.Add(-request) {
		begin := end.Add(-request + stretch)
		if earliest := end.Add(-end.Sub(from).Truncate(stretch)); earliest.After(begin) {
			begin = earliest
		}
		o, err := r.ask(ctx, text, begin, end, stretch)
		if err != nil {
			return err
		}
		for _, s := range o.Series {
			for _, sample := range s.Samples {
				visit(s.Metric, time.UnixMilli(int64(sample.Value*1000)).UTC())
			}
		}
	}
	return nil
}

func (r *recorder) ask(ctx context.Context, text string, from, to time.Time, step time.Duration) (analysis.Answer, error) {
	o, err := r.asked.QueryRange(ctx, text, from, to, step)
	switch {
	case err != nil:
		return o, err
	case o.Error != "":
		return o, fmt.Errorf("find pods by %s: %s", text, o.Error)
	case o.WrongType != "":
		return o, fmt.Errorf("find pods by %s: the answer is a %s", text, o.WrongType)
	case len(o.Warnings) > 0:
		return o, fmt.Errorf("find pods by %s: the answer may be partial: %s", text, strings.Join(o.Warnings, "; "))
	}
	return o, nil
}
