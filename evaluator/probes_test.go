package evaluator_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/probe"
)

// probed are pods with probes in a cluster without any Prometheus, each of which answers 20 requests a
// second.
type probed struct {
	*evaluatortest.Cluster
	mu   sync.Mutex
	pods map[string]*probedPod // by address

	// badEvery of the canary's requests fails, none if 0; slower is how many times longer they take.
	badEvery int
	slower   float64
}

type probedPod struct {
	name     string
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	server   *httptest.Server
	down     bool
}

// newProbed has a run that takes two minutes.
func newProbed(t *testing.T, metrics ...v1alpha1.Metric) *probed {
	t.Helper()
	c := &probed{Cluster: evaluatortest.NewCluster(t), pods: map[string]*probedPod{}, slower: 1}
	c.Prometheus.Answer = analysis.Answer{Error: "there is no Prometheus"}
	plan := &v1alpha1.CanaryPlan{}
	c.Must(c.API.Get(t.Context(), types.NamespacedName{Namespace: evaluatortest.Namespace, Name: "default"}, plan))
	plan.Spec.Analysis.Interval.Duration = 5 * time.Second
	plan.Spec.Analysis.Period.Duration = 2 * time.Minute
	plan.Spec.Analysis.Metrics = metrics
	plan.Spec.Baseline = &v1alpha1.Baseline{}
	c.Must(c.API.Update(t.Context(), plan))
	c.Admit = func(pod *corev1.Pod) error {
		if pod.Name != "" { // and not in a dry run
			pod.Status.PodIP = c.serve(pod.Name)
		}
		return nil
	}
	c.restart()
	return c
}

// restart has an evaluator go on that knows nothing of what was read.
func (c *probed) restart() {
	c.Another(func(o *evaluator.Options) { o.DialProbe = c.dial })
}

func (c *probed) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	host, _, _ := net.SplitHostPort(address)
	pod := c.pods[host]
	if pod == nil || !strings.HasSuffix(address, fmt.Sprint(":", probe.MetricsPort)) {
		c.T.Errorf("somebody is called at %s", address)
		return nil, net.ErrClosed
	}
	if pod.down {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:1")
	}
	return new(net.Dialer).DialContext(ctx, network, pod.server.Listener.Addr().String())
}

// serve gives a pod its probe, and returns its address.
func (c *probed) serve(name string) string {
	pod := &probedPod{
		name:     name,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: probe.RequestsTotal}, []string{probe.PortLabel, probe.CodeLabel, probe.GRPCStatusLabel}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: probe.RequestDuration, Buckets: prometheus.DefBuckets}, []string{probe.PortLabel}),
	}
	registry, flight := prometheus.NewRegistry(), prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: probe.RequestsInFlight}, []string{probe.PortLabel})
	flight.WithLabelValues("http").Set(0)
	registry.MustRegister(pod.requests, pod.duration, flight)
	pod.server = httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	c.T.Cleanup(pod.server.Close)
	c.mu.Lock()
	defer c.mu.Unlock()
	address := fmt.Sprintf("10.244.0.%d", len(c.pods)+1)
	c.pods[address] = pod
	return address
}

// work has a second of requests come, and passes.
func (c *probed) work(seconds int) {
	c.T.Helper()
	for second := range seconds {
		c.mu.Lock()
		for _, pod := range c.pods {
			isCanary := !strings.Contains(pod.name, "baseline")
			for i := range 20 {
				code, took := "200", 0.02+0.001*float64((i+second)%7)
				if isCanary && c.badEvery > 0 && i%c.badEvery == 0 {
					code = "500"
				}
				if isCanary {
					took *= c.slower
				}
				pod.requests.WithLabelValues("http", code, "").Inc()
				pod.duration.WithLabelValues("http").Observe(took)
			}
		}
		c.mu.Unlock()
		c.Pass()
	}
}

// down has the probes of all pods whose names have a part be gone, or be back.
func (c *probed) down(part string, is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pod := range c.pods {
		if strings.Contains(pod.name, part) {
			pod.down = is
			pod.server.CloseClientConnections()
		}
	}
}

func (c *probed) until(phase v1alpha1.Phase, most int) v1alpha1.CanaryRun {
	c.T.Helper()
	for range most {
		if run := c.Run(); run.Status.Phase == phase {
			return run
		}
		c.work(1)
	}
	run := c.Run()
	c.T.Fatalf("after %d s the run is %s (%s), want %s: %+v", most, run.Status.Phase, run.Status.Message, phase, run.Status.Metrics)
	return run
}

// compared are the metrics of the how-to: errors and latency of the canary, compared with those of its
// baseline.
func compared() []v1alpha1.Metric {
	window := metav1.Duration{Duration: 10 * time.Second}
	return []v1alpha1.Metric{
		{Name: "success", Source: v1alpha1.SourceProbe, Expect: "success >= 99%", Window: &window},
		{Name: "errors", Source: v1alpha1.SourceProbe, Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{
			Bad: `holdfast_probe_requests_total{ {{pods}}, code=~"5.." }`, Total: `holdfast_probe_requests_total{ {{pods}} }`,
		}}},
		{Name: "latency", Source: v1alpha1.SourceProbe, Window: &window, Compare: &v1alpha1.Comparison{Unit: "s"},
			Query: `histogram_quantile(0.5, sum by (le) (rate(holdfast_probe_request_duration_seconds_bucket{ {{pods}} }[{{window}}])))`},
	}
}

func TestWithNothingButProbes(t *testing.T) {
	for name, tc := range map[string]struct {
		metrics  []v1alpha1.Metric
		badEvery int
		slower   float64
		phase    v1alpha1.Phase
		message  string
	}{
		"a good update":                     {compared(), 0, 1, v1alpha1.PhaseReleased, ""},
		"a fifth fails, by expectation":     {compared()[:1], 5, 1, v1alpha1.PhaseReverted, "metric success: 80%"},
		"a fifth fails, by comparison":      {compared()[1:2], 5, 1, v1alpha1.PhaseReverted, "metric errors"},
		"three times slower, by comparison": {compared()[2:], 0, 3, v1alpha1.PhaseReverted, "metric latency"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newProbed(t, tc.metrics...)
			c.badEvery, c.slower = tc.badEvery, tc.slower
			c.Hold()
			c.work(1)
			run := c.until(tc.phase, 200)
			if !strings.Contains(run.Status.Message, tc.message) {
				t.Errorf("it says %q", run.Status.Message)
			}
			if len(c.Prometheus.Asked) > 0 {
				t.Errorf("a Prometheus is asked: %q", c.Prometheus.Asked)
			}
			if c.work(20); c.Count("holdfast_probe_scraped_pods", "") != 0 {
				t.Error("probes are read of a run that is over")
			}
		})
	}
}

// An evaluator that begins anew has nothing of what was read before, and that cannot be had. It goes on, and
// decides by what it reads itself: neither fails nor passes it anything by what it did not see.
func TestAnotherEvaluatorReadsProbesAnew(t *testing.T) {
	for name, tc := range map[string]struct {
		badEvery int
		phase    v1alpha1.Phase
	}{"good": {0, v1alpha1.PhaseReleased}, "bad at the end": {5, v1alpha1.PhaseReverted}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newProbed(t, compared()...)
			c.Hold()
			c.work(45)
			for range 3 {
				c.restart()
				c.work(25)
			}
			ready := c.Run().Status.ReadyAt
			for c.Clock.Now().Before(ready.Add(2*time.Minute - time.Second)) {
				c.work(1)
			}
			c.restart() // and what came before must not pass it
			c.badEvery = tc.badEvery
			if run := c.until(tc.phase, 200); c.Clock.Now().Before(ready.Add(2*time.Minute + 5*time.Second)) {
				t.Errorf("it is %s (%s) at once", run.Status.Phase, run.Status.Message)
			}
			for _, m := range c.Run().Status.Metrics {
				if m.Errors > 0 {
					t.Errorf("metric %s: %d errors: %+v", m.Name, m.Errors, m.Last)
				}
			}
		})
	}
}

// A probe that cannot be read is an error of the measurement, which counts for nothing.
func TestAProbeThatFailsIsNoVerdict(t *testing.T) {
	c := newProbed(t, compared()...)
	c.Hold()
	c.work(60)
	c.down("web-", true)
	c.work(30)
	run := c.Run()
	for _, name := range []string{"success", "errors", "latency"} {
		newest, _ := analysis.Newest(analysis.Find(run.Status.Metrics, name))
		if newest.Outcome != v1alpha1.OutcomeError || newest.Reason != v1alpha1.MeasuredProbeFailed || !strings.Contains(newest.Message, "the probe of pod "+run.Name) {
			t.Errorf("metric %s: %+v", name, newest)
		}
	}
	if run.Status.Phase != v1alpha1.PhaseRunning {
		t.Errorf("it is %s (%s)", run.Status.Phase, run.Status.Message)
	}
	c.down("web-", false)
	c.until(v1alpha1.PhaseReleased, 200)
}
