package judge

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// judgedBy is QuickPlan with other metrics, written as a list in YAML.
func judgedBy(metrics string) string {
	head, _, _ := strings.Cut(shop.QuickPlan, "    metrics:")
	return head + "    metrics:\n" + strings.Trim(metrics, "\n") + "\n"
}

// TestJudgingWhatIsMissing: an answer that is whole for one pod only, or
// about no traffic, is no pass and no failure.
func TestJudgingWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ metrics, reason string }{
		"a pod without a series": {`
    - name: m
      per: Pod
      query: topk(1, up{ {{canary}} })
      range: {min: 0}`, v1alpha1.MeasuredPodMissing},
		"no requests to succeed": {`
    - {name: m, expect: success >= 95%, window: 4s}`, v1alpha1.MeasuredNoData},
		"no requests to be fast": {`
    - {name: m, expect: P99 < 1s, window: 4s}`, v1alpha1.MeasuredNoData},
		"nothing counted": {`
    - name: m
      query: sum by (code) (increase(http_requests_total{ {{canary}} }[4s]))
      list: {label: code, good: ["2.."]}`, v1alpha1.MeasuredNoData},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := strings.Replace(judgedBy(tc.metrics), "  readyDeadline", "  replicas: 2\n  readyDeadline", 1)
			s := shop.Open(t, shop.Settings{Plan: strings.Replace(plan, "noDataLimit: 30", "noDataLimit: 12", 1), NoLoad: true})
			run := s.HoldV2()
			ended := shop.Await(s, "the run has a verdict", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Verdict != "" })
			if ended.Status.Verdict != v1alpha1.VerdictInconclusive || ended.Status.Reason != v1alpha1.ReasonNoDataLimit {
				t.Errorf("verdict %s, %s: %s", ended.Status.Verdict, ended.Status.Reason, ended.Status.Message)
			}
			metric := shop.MetricOf(t, ended, "m")
			if last := metric.Last[len(metric.Last)-1]; last.Reason != tc.reason {
				t.Errorf("the last measurement is %+v, want reason %s", last, tc.reason)
			}
			s.WantImage("v1")
		})
	}
}

// TestAPlanIsRefusedWithItsRemedy: what does not go together in a metric never
// gets past the API server.
func TestAPlanIsRefusedWithItsRemedy(t *testing.T) {
	t.Parallel()
	s := &shop.Shop{T: t, Namespace: "default"}
	for metric, want := range map[string]string{
		"{name: m}": "needs exactly one of query, expect, labels, alerts and compare.count",
		"{name: m, query: up, expect: P99 < 1s, range: {max: 1}}": "needs exactly one of query, expect, labels, alerts and compare.count",
		"{name: m, query: up}":            "query needs exactly one of range, deviation, list and compare",
		"{name: m, query: up, range: {}}": "needs min, max or both",
		"{name: m, query: up, range: {max: 1}, list: {label: a, good: [b]}}":            "query needs exactly one of range, deviation, list and compare",
		"{name: m, expect: P99 < 1s, range: {max: 1}}":                                  "range, deviation and list judge a query",
		"{name: m, query: up, range: {max: 1}, source: Istio}":                          "source is for expect",
		"{name: m, query: up, range: {max: 1}, samples: Last}":                          "samples needs over",
		"{name: m, query: up, range: {max: 1}, podLabel: x}":                            "podLabel needs per: Pod",
		"{name: m, alerts: {}, per: Pod}":                                               "over, per and window are for query and expect",
		"{name: m, alerts: {about: Any}}":                                               "about: Any needs matchers",
		"{name: m, labels: {selector: {}}}":                                             "matches everything",
		"{name: m, query: up, list: {label: a}}":                                        "needs good, bad or both",
		"{name: m, query: up, deviation: {from: First, by: '1'}, over: {duration: 1m}}": "takes the value of an instant query",
		"{name: m, query: up, range: {max: 1}, over: {duration: 5s}}":                   "step must not be longer than duration",
		"{name: m, compare: {}}":                                                        "needs exactly one of query, expect, labels, alerts and compare.count",
		"{name: m, query: up, compare: {count: {bad: a, total: b}}}":                    "needs exactly one of query, expect, labels, alerts and compare.count",
		"{name: m, query: up, over: {duration: 1m}, compare: {}}":                       "over and per are not for compare",
		"{name: m, compare: {count: {total: b}}}":                                       "needs exactly one of bad and good",
		"{name: m, compare: {worse: Lower, count: {bad: a, total: b}}}":                 "worse is for comparisons of a query",
		"{name: m, query: up, compare: {burst: 2}}":                                     "burst is for count",
		"{name: m, query: up, compare: {catch: 1}}":                                     "it is a factor",
		"{name: m, expect: P99 < 1s, source: istio}":                                    "Unsupported value",
	} {
		_, stderr, code := s.Kubectl("apply", "--dry-run=server", "-f", "-", judgedBy("    - "+metric))
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, want %q, kubectl says:\n%s", metric, code, want, stderr)
		}
	}
}

func TestExpectationsInAnnotations(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{})
	plan := []string{"holdfast.dev/period: 10s", "metric.holdfast.dev/success: success >= 95%", "metric.holdfast.dev/latency: P99 < 20s"}
	bad := s.NewestRun(s.Must("apply", "-f", "-", shop.Annotate(s.Web("v2", "--error-rate=0.5"), plan...)))
	ended := s.WantReverted(bad.Name, v1alpha1.ReasonMetricOutOfRange)
	if !strings.Contains(ended.Status.Message, "metric success: ") || !strings.Contains(ended.Status.Message, "of the requests succeeded, which is not success >= 95%") {
		t.Errorf("message %q", ended.Status.Message)
	}
	good := s.NewestRun(s.Must("apply", "-f", "-", shop.Annotate(s.Web("v3"), plan...)))
	s.AwaitPhase(good.Name, v1alpha1.PhaseReleased)
}
