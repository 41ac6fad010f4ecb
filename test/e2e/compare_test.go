package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
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
// requests, as when something fails that all of them need.
func (s *shop) fail(share string) {
	s.t.Helper()
	var pods corev1.PodList
	if err := world.client.List(s.t.Context(), &pods, inNamespace(s)); err != nil {
		s.t.Fatal(err)
	}
	for _, pod := range pods.Items {
		if pod.Labels["app"] == "web" && pod.DeletionTimestamp == nil {
			s.failPod(pod.Name, share)
		}
	}
}

// failPod has one pod do so.
func (s *shop) failPod(pod, share string) {
	s.t.Helper()
	s.must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/fail/%s", s.namespace, pod, share))
}

// TestJudgingByComparisonInASharedIncident: all pods fail for a while,
// those of the healthy canary among them.
func TestJudgingByComparisonInASharedIncident(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: lasting("10m", under("0.05")), replicas: 1})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.fail("0.3")
	ended := s.wantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	if !strings.Contains(ended.Status.Message, "is above max 0.05") {
		t.Errorf("message %q", ended.Status.Message)
	}

	s.wantNoCanary()
	s.fail("0")
	s.must("apply", "-f", "-", lasting("1m", compared))
	run = s.newestRun(s.apply("v3"))
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.fail("0.3")
	passed := await(s, "the comparison has a verdict", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Verdict != "" })
	if passed.Status.Verdict != v1alpha1.VerdictPass {
		t.Fatalf("verdict %s, %s: %s", passed.Status.Verdict, passed.Status.Reason, passed.Status.Message)
	}
	errors := metricOf(t, passed, "errors")
	sum := errors.Compared.Tally.Sum
	if sum.CanaryBad < 0.05*sum.CanaryTotal || sum.BaselineBad < 0.05*sum.BaselineTotal { // the limit of before
		t.Errorf("there was no incident on both sides: %+v", sum)
	}
	if last := errors.Last[len(errors.Last)-1]; !strings.Contains(last.Message, "the canary failed ") || !strings.Contains(last.Message, "the baseline ") {
		t.Errorf("the measurement says %q", last.Message)
	}
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v3")
	s.wantNoCanary()
}

// TestJudgingByComparisonUnderALimit: the canary stays under the limit
// that the plan has too, and fails twice as often as the baseline.
func TestJudgingByComparisonUnderALimit(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: lasting("10m", under("0.8")+strings.TrimLeft(compared, "\n")), args: []string{"--error-rate=0.3"}, replicas: 1})
	s.must("scale", "deployment", "load", "--replicas=3") // what decides is failures a minute
	run := s.holdV2("--error-rate=0.6")
	ended := s.wantReverted(run.Name, v1alpha1.ReasonWorse)
	for _, want := range []string{"metric errors: the canary failed ", "times as often (at least ", "wanted: at most 20% worse than the baseline"} {
		if !strings.Contains(ended.Status.Message, want) {
			t.Errorf("message %q, want %q in it", ended.Status.Message, want)
		}
	}
	if limit := metricOf(t, ended, "limit"); limit.Failed > 0 {
		t.Errorf("the limit was passed too, so this shows nothing: %+v", limit)
	}
	s.wantImage("v1")
	s.wantNoCanary()
}

// TestJudgingByComparisonEndsEarly: long before its period is over.
func TestJudgingByComparisonEndsEarly(t *testing.T) {
	t.Parallel()
	plan := strings.Replace(lasting("8h", compared), "  analysis:", "  analysis:\n    endEarly: true", 1)
	s := open(t, settings{plan: plan, args: []string{"--error-rate=0.4"}, replicas: 1})
	s.must("scale", "deployment", "load", "--replicas=3") // what decides is requests a minute
	run := s.holdV2("--error-rate=0.4")
	released := s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	if m := metricOf(t, released, "errors"); m.Last[len(m.Last)-1].Reason != v1alpha1.MeasuredNotWorse {
		t.Errorf("the last measurement is %+v", m.Last[len(m.Last)-1])
	}
	s.wantImage("v2")
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
	t.Parallel()
	args := []string{"--late-series", "--error-rate=0.3"}
	// All requests come between two rounds: an interval in which one side has none is left out.
	plan := strings.Replace(lasting("8h", compared), "interval: 2s", "interval: 1m", 1)
	s := open(t, settings{plan: plan, args: args, replicas: 1, noLoad: true})
	run := s.holdV2(args...)
	await(s, "the comparison begins, with what comes from now on", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Measured > 0 })
	s.must("apply", "-f", "-", loadManifest)
	baseline := v1alpha1.BaselineName(run.Name, 1)
	for _, pod := range append(s.podsOf(run.Name), s.podsOf(baseline)...) {
		s.awaitFailures(pod, 5)
	}
	s.must("scale", "deployment", "load", "--replicas=0")
	awaitNone(s, "pods of the load", &corev1.PodList{}, client.MatchingLabels{"app": "load"})
	var want v1alpha1.Counts
	for _, side := range []struct {
		set        string
		bad, total *float64
	}{{run.Name, &want.CanaryBad, &want.CanaryTotal}, {baseline, &want.BaselineBad, &want.BaselineTotal}} {
		for _, pod := range s.podsOf(side.set) {
			answered := s.answered(pod)
			*side.bad += answered["500"]
			*side.total += answered["200"] + answered["500"]
		}
	}
	await(s, fmt.Sprintf("all of %+v is counted", want), run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return tallyOf(r) == want })
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
func (s *shop) awaitFailures(pod string, n float64) {
	s.t.Helper()
	deadline := time.After(patience)
	for s.answered(pod)["500"] < n {
		select {
		case <-deadline:
			s.t.Fatalf("pod %s has answered %v", pod, s.answered(pod))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

var answeredLine = regexp.MustCompile(`(?m)^http_requests_total\{code="(\d+)"\} (\d+)$`)

// answered is what a pod says it has answered, by code.
func (s *shop) answered(pod string) map[string]float64 {
	s.t.Helper()
	text := s.must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/metrics", s.namespace, pod))
	out := map[string]float64{}
	for _, match := range answeredLine.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		out[match[1]] = n
	}
	return out
}
