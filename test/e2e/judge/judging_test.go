package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// Every way to judge has a test that is named after it, which begins with
// TestJudging and shows both that a bad update is caught and that a good one
// passes, by what a real Prometheus has measured of the app:
//
//   - TestJudging: criteria by values, alerts and comparisons, in a table;
//   - TestJudgingOneBadPodOfSeveral, TestJudgingByLabels, TestJudgingByAStatusInAnotherLabel;
//   - TestJudgingDelayIntervalAndPeriod; TestJudgingGoesOnAfterARestart (leader_test.go);
//   - TestJudgingFreezesOrReverts (verdict_test.go), TestJudgingByAPerson;
//   - TestJudgingPods (health_test.go);
//   - TestJudgingErrorsAndMissingData (measure_test.go), TestJudgingWhatIsMissing (criteria_test.go);
//   - TestJudgingByComparison… (compare_test.go);
//   - TestJudgingThePast (backtest_test.go).

// way is one way to judge, and an update that it catches.
type way struct {
	metrics string
	bad     []string // args of the app; every fourth request fails if there are none
	says    string   // of the measurement that failed
	reason  string   // MetricOutOfRange if it is not said
	// period is how long the good update is judged; 8s, and shorter intervals, if it is not said.
	period string
}

func (w way) plan() string {
	if w.period != "" {
		return lasting(w.period, w.metrics)
	}
	return judgedBy(w.metrics)
}

// judging are the ways to judge by what queries find, by what each can do.
var judging = map[string]map[string]way{
	"PromQL value within min and max, inclusive, NaN out of range": {
		"both ends are good": {metrics: `
    - name: m
      query: 1 + sum(rate(http_requests_total{ {{canary}}, code="500" }[4s]))
      range: {min: 1, max: 1}`, says: "is above max 1"},
		"NaN is not": {metrics: `
    - name: m
      query: 0 / (sum(rate(http_requests_total{ {{canary}}, code="500" }[4s])) == bool 0)
      range: {min: 0, max: 1}`, says: "NaN"},
		"every sample of a range query": {metrics: `
    - name: m
      query: sum(rate(http_requests_total{ {{canary}}, code="500" }[4s])) / sum(rate(http_requests_total{ {{canary}} }[4s]))
      over: {duration: 3s, step: 1s}
      range: {max: 0.05}`, says: "samples good; the worst: "},
		"a share of the samples": {metrics: `
    - name: m
      query: sum(rate(http_requests_total{ {{canary}}, code="500" }[4s])) / sum(rate(http_requests_total{ {{canary}} }[4s]))
      over: {duration: 3s, step: 1s}
      samples: "50%"
      range: {max: 0.05}`, says: "50% must be: "},
		"the last sample": {metrics: `
    - name: m
      query: sum(rate(http_requests_total{ {{canary}}, code="500" }[4s])) / sum(rate(http_requests_total{ {{canary}} }[4s]))
      over: {duration: 3s, step: 1s}
      samples: Last
      range: {max: 0.05}`, says: "is above max 0.05"},
	},
	"per-pod and all-pods queries, pod label key": {
		"each pod": {metrics: `
    - name: m
      per: Pod
      query: sum by (pod) (rate(http_requests_total{ {{canary}}, code="500" }[4s])) / sum by (pod) (rate(http_requests_total{ {{canary}} }[4s]))
      range: {max: 0.05}`, says: "is above max 0.05"},
		"each pod, by another label": {metrics: `
    - name: m
      per: Pod
      podLabel: who
      query: label_replace(sum by (pod) (rate(http_requests_total{ {{canary}}, code="500" }[4s])), "who", "$1", "pod", "(.*)")
      range: {max: 0.05}`, says: "is above max 0.05"},
		"all pods": {metrics: `
    - name: m
      query: sum(rate(http_requests_total{ {{canary}}, code="500" }[4s])) / sum(rate(http_requests_total{ {{canary}} }[4s]))
      range: {max: 0.05}`, says: "is above max 0.05"},
	},
	"deviation from 1 of a ratio, in percent": {"down": {metrics: `
    - name: m
      query: |
        (sum(rate(http_requests_total{ {{canary}}, code="200" }[4s])) / sum(rate(http_requests_total{ {{canary}} }[4s])))
        / (sum(rate(http_requests_total{ {{stable}}, code="200" }[4s])) / sum(rate(http_requests_total{ {{stable}} }[4s])))
      deviation: {from: One, by: 10%, direction: Down}`, says: "is below min 0.9"}},
	"good or bad list over a label with tolerance in percent": {
		"good codes": {metrics: `
    - name: m
      query: sum by (code) (increase(http_requests_total{ {{canary}} }[4s]))
      list: {label: code, good: ["2.."], tolerance: 5%}`, says: "are of a bad code (500: "},
		"bad codes": {metrics: `
    - name: m
      query: sum by (code) (increase(http_requests_total{ {{canary}} }[4s]))
      list: {label: code, bad: ["5.."], tolerance: 5%}`, says: "are of a bad code (500: "},
	},
	"templated queries: namespace, deployment, service, pods, interval": {"all of them": {metrics: `
    - name: m
      query: |
        label_replace(sum(max_over_time(up{ {{canary}} }[{{interval}}])), "of", "{{service}}", "", "") and on ()
        sum(rate(http_requests_total{ {{canary}}, namespace="{{namespace}}", pod=~"{{deployment}}-.+", code="500" }[4s])) < 0.1
        or on () sum(up{ {{canary}} }) * 0
      range: {min: 1, max: 1}`, says: "is below min 1", period: "12s"}},
	"built-in request-success-rate and request-duration": {
		"success": {metrics: `
    - {name: m, expect: success >= 95%, window: 4s}`, says: "of the requests succeeded, which is not success >= 95%"},
		"success, by counters that appear with the first failure": {metrics: `
    - {name: m, expect: success >= 95%, window: 4s}`, bad: []string{"--late-series", "--error-rate=0.25"}, says: "which is not success >= 95%"},
		"latency": {metrics: `
    - {name: m, per: Pod, expect: P50 < 400ms, window: 4s}`, bad: []string{"--latency=700ms"}, says: "which is not P50 < 400ms"},
	},
	"deviation from the first value, and from the value before": {
		"first": {metrics: `
    - name: m
      query: sum(http_requests_total{ {{canary}}, code="500" })
      deviation: {from: First, by: "2", direction: Up}`, says: "is above max", period: "25s"},
		"before": {metrics: `
    - name: m
      query: sum(http_requests_total{ {{canary}}, code="500" })
      deviation: {from: Previous, by: "0"}`, says: "is above max", period: "25s"},
	},
	"alerts: one about the canary fails it": {"by its pod": {metrics: `
    - {name: m, alerts: {matchers: ['severity="critical"']}}`, says: "1 alert fires: AppFails", reason: v1alpha1.ReasonAlertFiring, period: "25s"}},
	"fresh baseline beside the canary, compared statistically": {
		"failures counted":     {metrics: compared, says: "the canary failed ", reason: v1alpha1.ReasonWorse, period: "40s"},
		"latencies by windows": {metrics: comparedLatency, bad: []string{"--latency=700ms"}, says: "the canary's median was ", reason: v1alpha1.ReasonWorse, period: "40s"},
		"beside an expectation that is kept": {metrics: compared + `
    - {name: generous, expect: success >= 30%, window: 4s}`, says: "metric errors: the canary failed ", reason: v1alpha1.ReasonWorse, period: "40s"},
	},
}

func TestJudging(t *testing.T) {
	t.Parallel()
	for row, ways := range judging {
		for name, w := range ways {
			t.Run(row+"/"+name, func(t *testing.T) {
				t.Parallel()
				if len(w.bad) == 0 {
					w.bad = []string{"--error-rate=0.25"}
				}
				if w.reason == "" {
					w.reason = v1alpha1.ReasonMetricOutOfRange
				}
				s := shop.Open(t, shop.Settings{Plan: w.plan()})
				bad := s.HoldV2(w.bad...)
				ended := s.WantReverted(bad.Name, w.reason)
				if !strings.Contains(ended.Status.Message, w.says) {
					t.Errorf("message %q, want %q in it", ended.Status.Message, w.says)
				}
				wantRuleAndQuery(s, ended)
				good := s.NewestRun(s.Apply("v3"))
				s.AwaitPhase(good.Name, v1alpha1.PhaseReleased)
				s.WantImage("v3")
			})
		}
	}
}

// TestJudgingByAStatusInAnotherLabel: where half of the requests fail and the label
// that says so is not the one that is looked at, nothing is released, and the message
// names the labels there are. With the right one it is judged.
func TestJudgingByAStatusInAnotherLabel(t *testing.T) {
	t.Parallel()
	const failing = "    - {name: m, expect: success >= 95%%, window: 4s%s}"
	plan := strings.Replace(judgedBy(fmt.Sprintf(failing, "")), "errorLimit: 30", "errorLimit: 3", 1)
	s := shop.Open(t, shop.Settings{Plan: plan})
	unread := s.HoldV2("--status-label=status", "--error-rate=0.5")
	paused := s.AwaitPhase(unread.Name, v1alpha1.PhasePaused)
	if paused.Status.Reason != v1alpha1.ReasonErrorLimit || paused.Status.Verdict != v1alpha1.VerdictInconclusive {
		t.Errorf("run is paused for %s with verdict %q", paused.Status.Reason, paused.Status.Verdict)
	}
	if want := "series of http_requests_total have no label code. Their labels are status, "; !strings.Contains(paused.Status.Message, want) {
		t.Errorf("message %q, want %q in it", paused.Status.Message, want)
	}
	s.WantImage("v1")
	s.Must("patch", "canaryrun", unread.Name, "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`)
	s.WantReverted(unread.Name, v1alpha1.ReasonAborted)

	s.Must("apply", "-f", "-", judgedBy(fmt.Sprintf(failing, ", statusLabel: status")))
	bad := s.NewestRun(s.Apply("v3", "--status-label=status", "--error-rate=0.5"))
	if ended := s.WantReverted(bad.Name, v1alpha1.ReasonMetricOutOfRange); !strings.Contains(ended.Status.Message, "which is not success >= 95%") {
		t.Errorf("message %q", ended.Status.Message)
	}
	good := s.NewestRun(s.Apply("v4", "--status-label=status"))
	s.AwaitPhase(good.Name, v1alpha1.PhaseReleased)
}

// wantRuleAndQuery checks that the measurements of a run say what was asked about
// it, and what was wanted.
func wantRuleAndQuery(s *shop.Shop, run *v1alpha1.CanaryRun) {
	s.T.Helper()
	for _, m := range run.Spec.Plan.Analysis.Metrics {
		metric := shop.MetricOf(s.T, run, m.Name)
		last := metric.Last[len(metric.Last)-1]
		if last.Range == "" || !strings.Contains(last.Query, run.Name) {
			s.T.Errorf("the measurement of %s has no rule or query: %+v", m.Name, last)
		}
		if strings.Contains(m.Query, "{{service}}") && !strings.Contains(last.Query, `"of", "web"`) {
			s.T.Errorf("the query names no Service: %s", last.Query)
		}
	}
}

// TestJudgingOneBadPodOfSeveral: by all pods together it is good enough, by each it is not.
func TestJudgingOneBadPodOfSeveral(t *testing.T) {
	t.Parallel()
	const share = `(rate(http_requests_total{ {{canary}}, code="500" }[10s])) / sum%s (rate(http_requests_total{ {{canary}} }[10s]) > 0)`
	plan := judgedBy(fmt.Sprintf(`
    - name: all
      query: sum`+share+`
      range: {max: 0.8}
    - name: each
      per: Pod
      query: sum by (pod) `+share+`
      range: {max: 0.8}`, "", " by (pod)"))
	s := shop.Open(t, shop.Settings{Plan: shop.With(strings.Replace(plan, "period: 8s", "period: 10m", 1), "replicas: 2")})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	pods := podsOf(s, run.Name)
	if len(pods) != 2 {
		t.Fatalf("the canary has the pods %v", pods)
	}
	s.AwaitRecorded(run.Name) // or all that is known of the pods is the bad one
	failPods(s, "1", pods[0])
	ended := s.WantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	for _, want := range []string{"metric each", pods[0], "1 of 2 series out of range"} {
		if !strings.Contains(ended.Status.Message, want) {
			t.Errorf("message %q, want %q in it", ended.Status.Message, want)
		}
	}
	if all := shop.MetricOf(t, ended, "all"); all.Failed > 0 {
		t.Errorf("all pods together were not good: %+v", all)
	}
}

// podsOf are the names of the pods of a ReplicaSet of a run.
func podsOf(s *shop.Shop, set string) []string {
	s.T.Helper()
	var pods corev1.PodList
	if err := shop.World.Client.List(s.T.Context(), &pods, shop.InNamespace(s), client.HasLabels{v1alpha1.RoleLabel}); err != nil {
		s.T.Fatal(err)
	}
	var names []string
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil && metav1.GetControllerOf(&pod).Name == set {
			names = append(names, pod.Name)
		}
	}
	return names
}

// TestJudgingDelayIntervalAndPeriod: nothing is measured before the delay, the
// rounds are an interval apart, and the period counts from Ready.
func TestJudgingDelayIntervalAndPeriod(t *testing.T) {
	t.Parallel()
	plan := strings.NewReplacer("initialDelay: 3s", "initialDelay: 5s", "interval: 1s", "interval: 2s", "period: 8s", "period: 15s").Replace(shop.PlanOf(shop.Calm))
	s := shop.Open(t, shop.Settings{Plan: plan, NoLoad: true})
	run := s.HoldV2("--ready-after=3s")
	released := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	ready := released.Status.ReadyAt
	if made := released.Status.CreatedAt; ready.Sub(made.Time) < 2*time.Second {
		t.Errorf("Ready at %s, made at %s: the canary says 503 for three seconds", ready, made)
	}
	for i, m := range shop.MetricOf(t, released, "error-rate").Last {
		after := m.Time.Sub(ready.Time)
		if after < 5*time.Second || (after-5*time.Second)%(2*time.Second) != 0 {
			t.Errorf("measurement %d was taken %s after Ready", i, after)
		}
	}
	if took := released.Status.FinishedAt.Sub(ready.Time); took < 15*time.Second {
		t.Errorf("released %s after Ready", took)
	}
}

// TestJudgingByAPerson, who decides, or leaves it to what the plan assumes then.
func TestJudgingByAPerson(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		manual, decision string
		phase            v1alpha1.Phase
		reason           string
		image            string
	}{
		"promotes":                            {"{deadline: 1h}", "Promote", v1alpha1.PhaseReleased, "", "v2"},
		"aborts":                              {"{deadline: 1h}", "Abort", v1alpha1.PhaseReverted, v1alpha1.ReasonAborted, "v1"},
		"says nothing: assumed valid":         {"{deadline: 10s, assume: Pass}", "", v1alpha1.PhaseReleased, "", "v2"},
		"says nothing: assumed bad":           {"{deadline: 10s, assume: Fail}", "", v1alpha1.PhaseReverted, v1alpha1.ReasonManualLate, "v1"},
		"says nothing: assumed to be nothing": {"{deadline: 10s, assume: None}", "", v1alpha1.PhasePaused, v1alpha1.ReasonManualLate, "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{Plan: shop.With(shop.PlanOf(shop.Calm), "manual: "+tc.manual), NoLoad: true, Replicas: 1})
			run := s.HoldV2()
			if tc.decision != "" {
				s.AwaitReason(run.Name, v1alpha1.ReasonManual)
				s.Decide(run.Name, `"decision":"`+tc.decision+`"`)
			}
			if tc.phase == v1alpha1.PhasePaused {
				s.AwaitReason(run.Name, tc.reason)
			}
			ended := s.AwaitPhase(run.Name, tc.phase)
			if tc.reason != "" && ended.Status.Reason != tc.reason {
				t.Errorf("reason %s: %s", ended.Status.Reason, ended.Status.Message)
			}
			s.WantImage(tc.image)
		})
	}
}

// TestJudgingByLabels: of a pod of the canary or of the Deployment, at once.
func TestJudgingByLabels(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ of, kind string }{
		"on a canary pod":   {"Pods", "pod"},
		"on the Deployment": {"Deployment", "deployment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := judgedBy("    - {name: marked, labels: {of: " + tc.of + ", selector: {matchLabels: {shop/sick: \"true\"}}}}")
			s := shop.Open(t, shop.Settings{Plan: strings.Replace(plan, "period: 8s", "period: 10m", 1), NoLoad: true})
			run := s.HoldV2()
			shop.Await(s, "the labels are measured", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Measured > 0 })
			if tc.kind == "deployment" {
				s.Must("label", "deployment", "web", "shop/sick=true")
			} else {
				s.Must("label", "pods", "-l", "holdfast.dev/role=canary", "shop/sick=true")
			}
			ended := s.WantReverted(run.Name, v1alpha1.ReasonLabelFound)
			if !strings.Contains(ended.Status.Message, "matches shop/sick=true") || !strings.Contains(ended.Status.Message, "failed 1 times in a row, limit 0") {
				t.Errorf("message %q", ended.Status.Message)
			}
			if tc.kind == "deployment" {
				s.Must("label", "deployment", "web", "shop/sick-")
			}
			s.Must("apply", "-f", "-", plan)
			s.AwaitPhase(s.NewestRun(s.Apply("v3")).Name, v1alpha1.PhaseReleased)
			s.WantImage("v3")
		})
	}
}
