package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

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
			s.must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/fail/%s", s.namespace, pod.Name, share))
		}
	}
}

// TestASharedIncidentRevertsByALimitAndNotByComparison: all pods fail for a while,
// those of the healthy canary among them.
func TestASharedIncidentRevertsByALimitAndNotByComparison(t *testing.T) {
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
	s.must("apply", "-f", "-", lasting("40s", compared))
	run = s.newestRun(s.apply("v3"))
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.fail("0.3")
	passed := await(s, "the comparison has a verdict", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Verdict != "" })
	if passed.Status.Verdict != v1alpha1.VerdictPass {
		t.Fatalf("verdict %s, %s: %s", passed.Status.Verdict, passed.Status.Reason, passed.Status.Message)
	}
	errors := metricOf(t, passed, "errors")
	sum := errors.Compared.Tally.Sum
	if sum.CanaryBad < 0.1*sum.CanaryTotal || sum.BaselineBad < 0.1*sum.BaselineTotal {
		t.Errorf("there was no incident on both sides: %+v", sum)
	}
	if last := errors.Last[len(errors.Last)-1]; !strings.Contains(last.Message, "the canary failed ") || !strings.Contains(last.Message, "the baseline ") {
		t.Errorf("the measurement says %q", last.Message)
	}
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v3")
	s.wantNoCanary()
}

// TestTwiceAsManyErrorsUnderTheLimitAreCaught: the canary stays under the limit
// that the plan has too, and fails twice as often as the baseline.
func TestTwiceAsManyErrorsUnderTheLimitAreCaught(t *testing.T) {
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

// TestAComparisonEndsEarlyWhereNothingIsWorse: long before its period is over.
func TestAComparisonEndsEarlyWhereNothingIsWorse(t *testing.T) {
	t.Parallel()
	plan := strings.Replace(lasting("8h", compared), "  analysis:", "  analysis:\n    endEarly: true", 1)
	s := open(t, settings{plan: plan, args: []string{"--error-rate=0.4"}, replicas: 1})
	run := s.holdV2("--error-rate=0.4")
	released := s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	if m := metricOf(t, released, "errors"); m.Last[len(m.Last)-1].Reason != v1alpha1.MeasuredNotWorse {
		t.Errorf("the last measurement is %+v", m.Last[len(m.Last)-1])
	}
	s.wantImage("v2")
}

// TestLatenciesAreComparedByWindows: slower than the baseline, and still fast
// enough for any limit.
func TestLatenciesAreComparedByWindows(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: lasting("10m", `
    - name: mean
      query: sum(rate(http_request_duration_seconds_sum{ {{pods}} }[{{window}}])) / (sum(rate(http_request_duration_seconds_count{ {{pods}} }[{{window}}])) > 0)
      window: 4s
      compare: {slack: "0.05", catch: 4, unit: " s"}`), replicas: 1})
	run := s.holdV2("--latency=500ms")
	ended := s.wantReverted(run.Name, v1alpha1.ReasonWorse)
	if !strings.Contains(ended.Status.Message, "metric mean: the canary's median was ") {
		t.Errorf("message %q", ended.Status.Message)
	}
	s.wantImage("v1")
}
