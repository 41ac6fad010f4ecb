package e2e

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// judgedBy is quickPlan with other metrics, written as a list in YAML.
func judgedBy(metrics string) string {
	head, _, _ := strings.Cut(quickPlan, "    metrics:")
	return head + "    metrics:\n" + strings.Trim(metrics, "\n") + "\n"
}

// TestEachCriterionCatchesABadUpdateAndLetsAGoodOnePass by what a real
// Prometheus has measured of the app.
func TestEachCriterionCatchesABadUpdateAndLetsAGoodOnePass(t *testing.T) {
	t.Parallel()
	const fails = "--error-rate=0.25"
	for name, tc := range map[string]struct {
		metrics string
		bad     string // how the app is told to be bad
		says    string // of the measurement that failed
	}{
		"every sample of a range query": {`
    - name: m
      query: sum(rate(http_requests_total{ {{canary}}, code="500" }[4s])) / sum(rate(http_requests_total{ {{canary}} }[4s]))
      over: {duration: 3s, step: 1s}
      range: {max: 0.05}`, fails, "samples good; the worst: "},
		"a share of the samples": {`
    - name: m
      query: sum(rate(http_requests_total{ {{canary}}, code="500" }[4s])) / sum(rate(http_requests_total{ {{canary}} }[4s]))
      over: {duration: 3s, step: 1s}
      samples: "50%"
      range: {max: 0.05}`, fails, "50% must be: "},
		"each pod by itself": {`
    - name: m
      per: Pod
      query: sum by (pod) (rate(http_requests_total{ {{canary}}, code="500" }[4s])) / sum by (pod) (rate(http_requests_total{ {{canary}} }[4s]))
      range: {max: 0.05}`, fails, "is above max 0.05"},
		"deviation from one": {`
    - name: m
      query: |
        (sum(rate(http_requests_total{ {{canary}}, code="200" }[4s])) / sum(rate(http_requests_total{ {{canary}} }[4s])))
        / (sum(rate(http_requests_total{ {{stable}}, code="200" }[4s])) / sum(rate(http_requests_total{ {{stable}} }[4s])))
      deviation: {from: One, by: 10%, direction: Down}`, fails, "is below min 0.9"},
		"deviation from the first value": {`
    - name: m
      query: sum(http_requests_total{ {{canary}}, code="500" })
      deviation: {from: First, by: "2", direction: Up}`, fails, "is above max"},
		"deviation from the value before": {`
    - name: m
      query: sum(http_requests_total{ {{canary}}, code="500" })
      deviation: {from: Previous, by: "0"}`, fails, "is above max"},
		"a list of good codes": {`
    - name: m
      query: sum by (code) (increase(http_requests_total{ {{canary}} }[4s]))
      list: {label: code, good: ["2.."], tolerance: 5%}`, fails, "are of a bad code (500: "},
		"success": {`
    - name: m
      expect: success >= 95%
      window: 4s`, fails, "of the requests succeeded, which is not success >= 95%"},
		"latency": {`
    - name: m
      per: Pod
      expect: P50 < 400ms
      window: 4s`, "--latency=700ms", "which is not P50 < 400ms"},
		"an alert about the canary": {`
    - name: m
      alerts: {matchers: ['severity="critical"']}`, fails, "1 alert fires: AppFails"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{plan: judgedBy(tc.metrics)})
			bad := s.holdV2(tc.bad)
			ended := s.wantReverted(bad.Name, v1alpha1.ReasonMetricOutOfRange)
			if !strings.Contains(ended.Status.Message, tc.says) {
				t.Errorf("message %q, want %q in it", ended.Status.Message, tc.says)
			}
			metric := metricOf(t, ended, "m")
			if last := metric.Last[len(metric.Last)-1]; last.Range == "" || !strings.Contains(last.Query, bad.Name) {
				t.Errorf("the measurement has no rule or query: %+v", last)
			}
			good := s.newestRun(s.apply("v3"))
			s.awaitPhase(good.Name, v1alpha1.PhaseReleased)
			s.wantImage("v3")
		})
	}
}

func TestALabelFailsACanaryAtOnce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ of, kind string }{
		"on a canary pod":   {"Pods", "pod"},
		"on the Deployment": {"Deployment", "deployment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := judgedBy("    - {name: marked, labels: {of: " + tc.of + ", selector: {matchLabels: {shop/sick: \"true\"}}}}")
			s := open(t, settings{plan: strings.Replace(plan, "period: 8s", "period: 10m", 1), noLoad: true})
			run := s.holdV2()
			await(s, "the labels are measured", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Measured > 0 })
			selector := "holdfast.dev/role=canary"
			if tc.kind == "deployment" {
				s.must("label", "deployment", "web", "shop/sick=true")
			} else {
				s.must("label", "pods", "-l", selector, "shop/sick=true")
			}
			ended := s.wantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
			if !strings.Contains(ended.Status.Message, "matches shop/sick=true") || !strings.Contains(ended.Status.Message, "failed 1 times in a row, limit 0") {
				t.Errorf("message %q", ended.Status.Message)
			}
		})
	}
}

// TestWhatIsMissingNeverReleases: an answer that is whole for one pod only, or
// about no traffic, is no pass and no failure.
func TestWhatIsMissingNeverReleases(t *testing.T) {
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
			s := open(t, settings{plan: strings.Replace(plan, "noDataLimit: 30", "noDataLimit: 12", 1), noLoad: true})
			run := s.holdV2()
			ended := await(s, "the run has a verdict", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Verdict != "" })
			if ended.Status.Verdict != v1alpha1.VerdictInconclusive || ended.Status.Reason != v1alpha1.ReasonNoDataLimit {
				t.Errorf("verdict %s, %s: %s", ended.Status.Verdict, ended.Status.Reason, ended.Status.Message)
			}
			metric := metricOf(t, ended, "m")
			if last := metric.Last[len(metric.Last)-1]; last.Reason != tc.reason {
				t.Errorf("the last measurement is %+v, want reason %s", last, tc.reason)
			}
			s.wantImage("v1")
		})
	}
}

// TestAPlanIsRefusedWithItsRemedy: what does not go together in a metric never
// gets past the API server.
func TestAPlanIsRefusedWithItsRemedy(t *testing.T) {
	t.Parallel()
	s := &shop{t: t, namespace: "default"}
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
		_, stderr, code := s.kubectl("apply", "--dry-run=server", "-f", "-", judgedBy("    - "+metric))
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, want %q, kubectl says:\n%s", metric, code, want, stderr)
		}
	}
}

func TestExpectationsInAnnotations(t *testing.T) {
	t.Parallel()
	s := open(t, settings{})
	plan := []string{"holdfast.dev/period: 10s", "metric.holdfast.dev/success: success >= 95%", "metric.holdfast.dev/latency: P99 < 20s"}
	bad := s.newestRun(s.must("apply", "-f", "-", annotate(s.web("v2", "--error-rate=0.5"), plan...)))
	ended := s.wantReverted(bad.Name, v1alpha1.ReasonMetricOutOfRange)
	if !strings.Contains(ended.Status.Message, "metric success: ") || !strings.Contains(ended.Status.Message, "of the requests succeeded, which is not success >= 95%") {
		t.Errorf("message %q", ended.Status.Message)
	}
	good := s.newestRun(s.must("apply", "-f", "-", annotate(s.web("v3"), plan...)))
	s.awaitPhase(good.Name, v1alpha1.PhaseReleased)
}
