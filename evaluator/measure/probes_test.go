package measure

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// asked notes what it is asked, and knows nothing.
type asked struct {
	mu  sync.Mutex
	all []string
}

func (a *asked) Query(_ context.Context, query string, _ time.Time) (analysis.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, query)
	return analysis.Answer{Query: query}, nil
}

func (a *asked) QueryRange(ctx context.Context, query string, _, to time.Time, _ time.Duration) (analysis.Answer, error) {
	return a.Query(ctx, query, to)
}

func (a *asked) QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return a.Query(ctx, query, at)
}

// two is a Lookup with a Prometheus and probes.
type two struct {
	PastLookup
	prometheus, probes Endpoint
}

func (l two) Endpoint(context.Context, string) (Endpoint, error) { return l.prometheus, nil }

func (l two) Probes(context.Context) (Endpoint, error) {
	if l.probes.Querier == nil {
		return Endpoint{}, errors.New("not read yet")
	}
	return l.probes, nil
}

// probedSubject is a canary that has been Ready for ten minutes, judged by these metrics every 10 s.
func probedSubject(at time.Time, metrics ...v1alpha1.Metric) Subject {
	ready := metav1.NewTime(at.Add(-10 * time.Minute))
	pod := func(name string) []corev1.Pod {
		return []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: ready}}}
	}
	s := Subject{
		Run: web, Deployment: "web", Canary: []string{"web-1"}, Baseline: []string{"web-1-baseline"},
		Pods: pod("web-1-x"), BaselinePods: pod("web-1-baseline-x"),
		PodNames: map[string][]string{"web-1": {"web-1-x"}, "web-1-baseline": {"web-1-baseline-x"}},
	}
	s.Status.ReadyAt = &ready
	s.Status.Step = &v1alpha1.StepStatus{Number: 1, ReadyAt: &ready}
	spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: metrics, Interval: &metav1.Duration{Duration: 10 * time.Second}}}
	spec.SetDefaults()
	s.Analysis = spec.Analysis
	return s
}

var (
	byPrometheus = v1alpha1.Metric{Name: "prometheus", Expect: "success >= 99%"}
	byProbes     = v1alpha1.Metric{Name: "probes", Expect: "success >= 99%", Source: v1alpha1.SourceProbe}
	counted      = v1alpha1.Metric{Name: "counted", Source: v1alpha1.SourceProbe, Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{
		Bad: `holdfast_probe_requests_total{ {{pods}}, code=~"5.." }`, Total: `holdfast_probe_requests_total{ {{pods}} }`,
	}}}
)

func observeTwo(t *testing.T, l two, s Subject) map[string]analysis.Observation {
	t.Helper()
	var budget Budget
	reservation := budget.Reserve("shop")
	defer reservation.Release()
	round, err := Observe(t.Context(), s, l, noon, reservation)
	if err != nil {
		t.Fatal(err)
	}
	return round.Observations
}

// Each metric of a plan is asked where it is measured.
func TestProbesAndAPrometheusAreAskedInOneRound(t *testing.T) {
	prometheus, probes := &asked{}, &asked{}
	l := two{prometheus: Endpoint{Querier: prometheus}, probes: Endpoint{Querier: probes, Since: noon.Add(-time.Hour)}}
	observeTwo(t, l, probedSubject(noon, byPrometheus, byProbes, counted))
	if len(prometheus.all) != 1 || !slices.ContainsFunc(prometheus.all, contains("http_requests_total")) {
		t.Errorf("Prometheus is asked %q", prometheus.all)
	}
	if len(probes.all) != 5 || slices.ContainsFunc(probes.all, contains("http_requests_total")) {
		t.Errorf("probes are asked %q", probes.all)
	}
	named := probedSubject(noon, byProbes)
	named.Analysis.Endpoint = "default"
	observeTwo(t, l, named)
	if len(prometheus.all) != 2 || len(probes.all) != 5 {
		t.Errorf("a plan that names a Prometheus: it is asked %q", prometheus.all)
	}
	if o := observeTwo(t, two{prometheus: l.prometheus}, probedSubject(noon, byPrometheus, byProbes)); o["probes"].Error != "not read yet" || o["prometheus"].Error != "" {
		t.Errorf("probes that are not known: %+v", o)
	}
}

// Where samples begin late, a metric waits for them as for a young canary, and counts
// nothing of what there was before.
func TestProbesThatAreReadSinceAMoment(t *testing.T) {
	probes := &asked{}
	since := noon.Add(-30 * time.Second)
	l := two{probes: Endpoint{Querier: probes, Since: since, ScrapeInterval: 15 * time.Second}}
	o := observeTwo(t, l, probedSubject(noon, byProbes, counted))
	if o["probes"].WarmingUp != "10m30s" || len(probes.all) != 4 {
		t.Errorf("it waits until %q after Ready, and asks %q", o["probes"].WarmingUp, probes.all)
	}
	if got := o["counted"].Comparison; got == nil || !got.Asked.Equal(since) {
		t.Errorf("it counts from %+v", got)
	}
	l.probes.Since = noon.Add(-time.Minute)
	if o := observeTwo(t, l, probedSubject(noon, byProbes)); o["probes"].WarmingUp != "" {
		t.Errorf("it waits until %q after Ready", o["probes"].WarmingUp)
	}
}

func contains(part string) func(string) bool {
	return func(text string) bool { return strings.Contains(text, part) }
}
