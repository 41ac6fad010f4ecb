// Package gallery is a cluster of made-up runs in every phase, at a time, for tests of the page and for
// pictures of it.
package gallery

import (
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/page/pagetest"
)

// Tokens of the users of the gallery.
const (
	// Promoter may decide everywhere, Viewer look at namespace shop, Stranger nothing.
	Promoter = "token-of-jane"
	Viewer   = "token-of-vic"
	Stranger = "token-of-nobody"
)

// Hang puts the gallery into an API server.
func Hang(api *pagetest.API, now time.Time) {
	all := []string{
		"get */canaryruns", "list */canaryruns", "watch */canaryruns", "patch */canaryruns", "get */deployments", "list */events",
	}
	api.Give(Promoter, pagetest.User{Name: "jane", May: all})
	api.Give(Viewer, pagetest.User{Name: "vic", May: []string{"get shop/canaryruns", "list shop/canaryruns", "watch shop/canaryruns"}})
	api.Give(Stranger, pagetest.User{Name: "nobody"})
	for _, run := range Runs(now) {
		api.Put(run)
	}
	for _, name := range []string{"web", "api", "search"} {
		api.PutDeployment("shop", name, map[string]any{"metadata": map[string]any{"name": name, "namespace": "shop"}, "spec": map[string]any{"template": map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"app": name}},
			"spec": map[string]any{"containers": []any{map[string]any{
				"name": name, "image": "registry.example/" + name + ":1.41.0", "env": []any{map[string]any{"name": "CACHE", "value": "64Mi"}},
				"resources": map[string]any{"requests": map[string]any{"cpu": "250m", "memory": "256Mi"}},
			}}},
		}}})
	}
	for i, e := range []struct{ kind, name, reason, says string }{
		{"Normal", "web", v1alpha1.EventHeld, "update held; run web-5phu7x2pnr tries it by CanaryPlan careful"},
		{"Normal", "web-5phu7x2pnr", v1alpha1.ReasonCanaryReady, "all canary pods are Ready; they are measured for 10m"},
		{"Warning", "web-5phu7x2pnr", "MetricFailed", "metric p99: 0.342 is above max 0.3, 1 in a row of 2 that are borne"},
	} {
		about := corev1.ObjectReference{Kind: "CanaryRun", Name: e.name, Namespace: "shop"}
		if e.name == "web" {
			about.Kind = "Deployment"
		}
		api.PutEvent(corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint("e", i)}, InvolvedObject: about, Type: e.kind, Reason: e.reason, Message: e.says,
			LastTimestamp: metav1.NewTime(now.Add(time.Duration(i-3) * 100 * time.Second)),
		})
	}
}

func at(t time.Time) *metav1.Time           { m := metav1.NewTime(t); return &m }
func long(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

// New is a run that waits to begin.
func New(namespace, deployment, id string, created time.Time) *v1alpha1.CanaryRun {
	return &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: deployment + "-" + id, UID: types.UID(namespace + deployment + id), CreationTimestamp: metav1.NewTime(created)},
		Spec:       v1alpha1.CanaryRunSpec{Deployment: deployment, Hold: "h" + id, PlanSource: "CanaryPlan careful", Plan: plan()},
		Status:     v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseWaiting, Reason: v1alpha1.ReasonDeploymentRollingOut, Message: "the Deployment is still rolling its stable template out"},
	}
}

func plan() *v1alpha1.CanaryPlanSpec {
	one, share, limit, catch, total := intstr.FromInt32(1), int32(25), int32(2), 2.0, int64(500)
	high, low, slow := 0.05, 0.0, 0.3
	p := &v1alpha1.CanaryPlanSpec{
		Deadline: long(time.Hour),
		Steps:    []v1alpha1.Step{{Replicas: &one, Period: long(4 * time.Minute), Approval: true}, {PodShare: &share, Period: long(6 * time.Minute)}},
		Analysis: v1alpha1.Analysis{
			Interval: long(20 * time.Second), FailureLimit: &limit, FalseAlarms: "1%",
			Metrics: []v1alpha1.Metric{
				{Name: "error-rate", Query: "sum(rate(errors[1m])) / sum(rate(requests[1m]))", Range: v1alpha1.Range{Min: &low, Max: &high}},
				{Name: "p99", Query: "histogram_quantile(0.99, …)", Range: v1alpha1.Range{Max: &slow}},
				{Name: "errors-compared", Compare: &v1alpha1.Comparison{
					To: v1alpha1.CompareToBaseline, Tolerance: "20%", Catch: &catch, Minimum: v1alpha1.Minimum{Total: &total},
					Count: &v1alpha1.Counted{Bad: `requests{ {{pods}}, code=~"5.." }`, Total: `requests{ {{pods}} }`},
				}},
			},
		},
	}
	p.SetDefaults()
	return p
}

// Measure has a run be measured for some rounds: steady says how bad its canary is, 1 as the baseline.
func Measure(run *v1alpha1.CanaryRun, ready time.Time, rounds int, bad float64) {
	s := &run.Status
	s.Phase, s.Reason, s.Message = v1alpha1.PhaseRunning, v1alpha1.ReasonMeasuring, "the canary is measured"
	s.CreatedAt, s.ReadyAt = at(ready.Add(-12*time.Second)), at(ready)
	s.Scale, s.Traffic, s.Service = "1/1", "service 25%", run.Spec.Deployment
	s.Step = &v1alpha1.StepStatus{Number: 1, StartedAt: *at(ready.Add(-12 * time.Second)), ReadyAt: at(ready)}
	for i := range rounds {
		Round(run, ready.Add(time.Duration(i+1)*20*time.Second), i, bad)
	}
}

// Round measures a run once more.
func Round(run *v1alpha1.CanaryRun, when time.Time, i int, bad float64) {
	s := &run.Status
	wave := 1 + 0.25*math.Sin(float64(i)*1.7) + 0.1*math.Cos(float64(i)*0.9)
	rise := 1 + float64(i)/14*(bad-1)
	take(s, analysis.Pods, measured(when, "1", "", v1alpha1.OutcomePassed, v1alpha1.MeasuredAllHealthy, "1 of 1 pods is Ready"))
	take(s, "error-rate", within(when, 0.012*wave*rise, "[0, 0.05]", 0.05, `sum(rate(errors{namespace="shop",pod=~"web-5phu7x2pnr-.*"}[1m])) / sum(rate(requests{namespace="shop",pod=~"web-5phu7x2pnr-.*"}[1m]))`))
	take(s, "p99", within(when, 0.21*wave*math.Sqrt(rise), "[-inf, 0.3]", 0.3, `histogram_quantile(0.99, sum by (le) (rate(seconds_bucket{namespace="shop",pod=~"web-5phu7x2pnr-.*"}[1m])))`))
	compare(run, when, i, bad)
	s.Measured++
	s.Validation = fmt.Sprintf("%d/%d", s.Measured, s.Measured)
}

func measured(when time.Time, value, wanted string, o v1alpha1.Outcome, reason, says string) v1alpha1.Measurement {
	return v1alpha1.Measurement{Time: metav1.NewTime(when), Outcome: o, Value: value, Range: wanted, Reason: reason, Message: says}
}

func within(when time.Time, value float64, wanted string, most float64, query string) v1alpha1.Measurement {
	m := measured(when, analysis.Number(value), wanted, v1alpha1.OutcomePassed, v1alpha1.MeasuredInRange, "")
	if value > most {
		m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeFailed, v1alpha1.MeasuredAboveMax, fmt.Sprintf("%.4g is above max %g", value, most)
	}
	m.Query = query
	return m
}

func take(s *v1alpha1.CanaryRunStatus, name string, m v1alpha1.Measurement) {
	for i := range s.Metrics {
		if s.Metrics[i].Name == name {
			s.Metrics[i] = analysis.Count(s.Metrics[i], m)
			return
		}
	}
	s.Metrics = append(s.Metrics, analysis.Count(v1alpha1.MetricStatus{Name: name}, m))
}

func compare(run *v1alpha1.CanaryRun, when time.Time, i int, bad float64) {
	rule := run.Spec.Plan.Analysis.Metrics[2]
	side := func(failed float64) analysis.SideSamples {
		series := func(each float64) []analysis.Series {
			s := analysis.Series{Labels: "{}"}
			for k := range i + 2 {
				s.Samples = append(s.Samples, analysis.Sample{Time: when.Add(time.Duration(k-i-1) * 20 * time.Second), Value: math.Floor(each * float64(k))})
			}
			return []analysis.Series{s}
		}
		return analysis.SideSamples{Bad: series(failed), Total: series(400)}
	}
	o := analysis.Observation{FalseAlarms: analysis.FalseAlarms(run.Spec.Plan), Comparison: &analysis.ComparisonSamples{
		Canary: side(5.5 * bad), Other: side(5), Since: when.Add(-time.Duration(i+1) * 20 * time.Second), Scrape: 20 * time.Second,
	}}
	for k := range run.Status.Metrics {
		if run.Status.Metrics[k].Name == rule.Name {
			run.Status.Metrics[k] = analysis.Take(rule, run.Status.Metrics[k], when, o)
			return
		}
	}
	run.Status.Metrics = append(run.Status.Metrics, analysis.Take(rule, v1alpha1.MetricStatus{Name: rule.Name}, when, o))
}
