package judge

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// compared is a metric that compares failed requests with the baseline's.
const compared = `
    - name: errors
      compare:
        count:
          bad: 'http_requests_total{ {{pods}}, code=~"5.." }'
          total: 'http_requests_total{ {{pods}} }'
        minimum: {total: 100}
`

// under is a metric with a fixed limit for the share of failed requests.
func under(limit string) string {
	return `
    - name: limit
      query: sum(rate(http_requests_total{ {{canary}}, code="500" }[4s])) / (sum(rate(http_requests_total{ {{canary}} }[4s])) > 0)
      range: {max: ` + limit + `}
`
}

// lasting is a plan by metrics with this period.
func lasting(period, metrics string) string {
	return strings.NewReplacer("period: 8s", "period: "+period, "interval: 1s", "interval: 2s").Replace(judgedBy(metrics))
}

// fail has every pod of web that there is, whatever its role, fail a share of its
// requests, as when something fails that all of them need: all at the same time, or
// for a while the canary would be worse.
func fail(s *shop.Shop, share string) {
	s.T.Helper()
	var pods corev1.PodList
	if err := shop.World.Client.List(s.T.Context(), &pods, shop.InNamespace(s)); err != nil {
		s.T.Fatal(err)
	}
	var names []string
	for _, pod := range pods.Items {
		if pod.Labels["app"] == "web" && pod.DeletionTimestamp == nil {
			names = append(names, pod.Name)
		}
	}
	failPods(s, share, names...)
}

// failPods has some pods do so.
func failPods(s *shop.Shop, share string, pods ...string) {
	s.T.Helper()
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		s.T.Fatal(err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		s.T.Fatal(err)
	}
	var asked sync.WaitGroup
	for _, pod := range pods {
		asked.Go(func() {
			if _, err := clientset.CoreV1().Pods(s.Namespace).ProxyGet("http", pod, "8080", "fail/"+share, nil).DoRaw(s.T.Context()); err != nil {
				s.T.Errorf("have pod %s fail: %v", pod, err)
			}
		})
	}
	asked.Wait()
}

// TestJudgingByComparisonInASharedIncident: all pods fail for a while,
// those of the healthy canary among them.
func TestJudgingByComparisonInASharedIncident(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: lasting("10m", under("0.05")), Replicas: 1})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	fail(s, "0.3")
	ended := s.WantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	if !strings.Contains(ended.Status.Message, "is above max 0.05") {
		t.Errorf("message %q", ended.Status.Message)
	}

	s.WantNoCanary()
	fail(s, "0")
	s.Must("apply", "-f", "-", lasting("1m", compared))
	run = s.NewestRun(s.Apply("v3"))
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	fail(s, "0.3")
	passed := shop.Await(s, "the comparison has a verdict", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Verdict != "" })
	if passed.Status.Verdict != v1alpha1.VerdictPass {
		t.Fatalf("verdict %s, %s: %s", passed.Status.Verdict, passed.Status.Reason, passed.Status.Message)
	}
	errors := shop.MetricOf(t, passed, "errors")
	sum := errors.Compared.Tally.Sum
	if sum.CanaryBad < 0.05*sum.CanaryTotal || sum.BaselineBad < 0.05*sum.BaselineTotal { // the limit of before
		t.Errorf("there was no incident on both sides: %+v", sum)
	}
	if last := errors.Last[len(errors.Last)-1]; !strings.Contains(last.Message, "the canary failed ") || !strings.Contains(last.Message, "the baseline ") {
		t.Errorf("the measurement says %q", last.Message)
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v3")
	s.WantNoCanary()
}

// TestJudgingByComparisonUnderALimit: the canary stays under the limit
// that the plan has too, and fails twice as often as the baseline.
func TestJudgingByComparisonUnderALimit(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: lasting("10m", under("0.8")+strings.TrimLeft(compared, "\n")), Args: []string{"--error-rate=0.3"}, Replicas: 1})
	s.Must("scale", "deployment", "load", "--replicas=3") // what decides is failures a minute
	run := s.HoldV2("--error-rate=0.6")
	ended := s.WantReverted(run.Name, v1alpha1.ReasonWorse)
	for _, want := range []string{"metric errors: the canary failed ", "times as often (at least ", "wanted: at most 20% worse than the baseline"} {
		if !strings.Contains(ended.Status.Message, want) {
			t.Errorf("message %q, want %q in it", ended.Status.Message, want)
		}
	}
	if limit := shop.MetricOf(t, ended, "limit"); limit.Failed > 0 {
		t.Errorf("the limit was passed too, so this shows nothing: %+v", limit)
	}
	s.WantImage("v1")
	s.WantNoCanary()
}

// TestJudgingByComparisonEndsEarly: long before its period is over.
func TestJudgingByComparisonEndsEarly(t *testing.T) {
	t.Parallel()
	plan := strings.Replace(lasting("8h", compared), "  analysis:", "  analysis:\n    endEarly: true", 1)
	s := shop.Open(t, shop.Settings{Plan: plan, Args: []string{"--error-rate=0.4"}, Replicas: 1})
	s.Must("scale", "deployment", "load", "--replicas=3") // what decides is requests a minute
	run := s.HoldV2("--error-rate=0.4")
	released := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	if m := shop.MetricOf(t, released, "errors"); m.Last[len(m.Last)-1].Reason != v1alpha1.MeasuredNotWorse {
		t.Errorf("the last measurement is %+v", m.Last[len(m.Last)-1])
	}
	s.WantImage("v2")
}

// comparedLatency is a metric that compares latencies with the baseline's.
const comparedLatency = `
    - name: mean
      query: sum(rate(http_request_duration_seconds_sum{ {{pods}} }[{{window}}])) / (sum(rate(http_request_duration_seconds_count{ {{pods}} }[{{window}}])) > 0)
      window: 4s
      compare: {slack: "0.05", catch: 4, unit: " s"}
`

// TestJudgingByComparisonCountsEachRequestOnce, the first of a kind too, with which
// its counter appears: what was counted is what the pods say they have answered.
func TestJudgingByComparisonCountsEachRequestOnce(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	args := []string{"--late-series", "--error-rate=0.3"}
	// All requests come between two rounds: an interval in which one side has none is left out.
	plan := strings.Replace(lasting("8h", compared), "interval: 2s", "interval: 1m", 1)
	s := shop.Open(t, shop.Settings{Plan: plan, Args: args, Replicas: 1, NoLoad: true})
	run := s.HoldV2(args...)
	shop.Await(s, "the comparison begins, with what comes from now on", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Measured > 0 })
	s.Must("apply", "-f", "-", shop.LoadManifest)
	baseline := v1alpha1.BaselineName(run.Name, 1)
	for _, pod := range append(podsOf(s, run.Name), podsOf(s, baseline)...) {
		awaitFailures(s, pod, 5)
	}
	s.Must("scale", "deployment", "load", "--replicas=0")
	shop.AwaitNone(s, "pods of the load", &corev1.PodList{}, client.MatchingLabels{"app": "load"})
	var want v1alpha1.Counts
	for _, side := range []struct {
		set        string
		bad, total *float64
	}{{run.Name, &want.CanaryBad, &want.CanaryTotal}, {baseline, &want.BaselineBad, &want.BaselineTotal}} {
		for _, pod := range podsOf(s, side.set) {
			answered := answered(s, pod)
			*side.bad += answered["500"]
			*side.total += answered["200"] + answered["500"]
		}
	}
	shop.Await(s, fmt.Sprintf("all of %+v is counted", want), run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return tallyOf(r) == want })
}

func tallyOf(r *v1alpha1.CanaryRun) v1alpha1.Counts {
	for _, m := range r.Status.Metrics {
		if m.Compared != nil {
			return m.Compared.Tally.Sum
		}
	}
	return v1alpha1.Counts{}
}

// awaitFailures waits until a pod has answered so many requests with 500.
func awaitFailures(s *shop.Shop, pod string, n float64) {
	s.T.Helper()
	deadline := time.After(shop.Patience)
	for answered(s, pod)["500"] < n {
		select {
		case <-deadline:
			s.T.Fatalf("pod %s has answered %v", pod, answered(s, pod))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

var answeredLine = regexp.MustCompile(`(?m)^http_requests_total\{code="(\d+)"\} (\d+)$`)

// answered is what a pod says it has answered, by code.
func answered(s *shop.Shop, pod string) map[string]float64 {
	s.T.Helper()
	text := s.Must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/metrics", s.Namespace, pod))
	out := map[string]float64{}
	for _, match := range answeredLine.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			s.T.Fatal(err)
		}
		out[match[1]] = n
	}
	return out
}
