package judge

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestJudgingErrorsAndMissingData: each kind of answer has its outcome, and its
// own limit ends the run.
func TestJudgingErrorsAndMissingData(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		query, limit string
		reason       string
		measured     string
		verdict      v1alpha1.Verdict
	}{
		"NaN is out of range": {
			query: `0 * sum(up{ {{canary}} }) / 0`, reason: v1alpha1.ReasonMetricOutOfRange, measured: v1alpha1.MeasuredNaN, verdict: v1alpha1.VerdictFail},
		"infinity is out of range": {
			query: `sum(up{ {{canary}} }) / 0`, reason: v1alpha1.ReasonMetricOutOfRange, measured: v1alpha1.MeasuredInfinite, verdict: v1alpha1.VerdictFail},
		"no data is no verdict": {
			query: `nothing_has_this_name{ {{canary}} }`, limit: "noDataLimit: 30", reason: v1alpha1.ReasonNoDataLimit, measured: v1alpha1.MeasuredNoData, verdict: v1alpha1.VerdictInconclusive},
		"an error is no verdict": {
			query: `up{ {{canary}} } + on(namespace) group_left up{ namespace="{{namespace}}" }`, limit: "errorLimit: 30", reason: v1alpha1.ReasonErrorLimit, measured: v1alpha1.MeasuredError, verdict: v1alpha1.VerdictInconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := shop.PlanOf(tc.query)
			if tc.limit != "" {
				plan = strings.Replace(plan, tc.limit, strings.Replace(tc.limit, "30", "3", 1), 1)
			}
			s := shop.Open(t, shop.Settings{Plan: plan, NoLoad: true})
			run := s.HoldV2()
			if tc.verdict == v1alpha1.VerdictInconclusive { // nothing is decided without a person
				paused := s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
				if paused.Status.Reason != tc.reason || paused.Status.Verdict != tc.verdict {
					t.Errorf("run is paused for %s with verdict %q, want %s and %s", paused.Status.Reason, paused.Status.Verdict, tc.reason, tc.verdict)
				}
				s.WantImage("v1")
				s.Must("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`)
				tc.reason = v1alpha1.ReasonAborted
			}
			ended := s.WantReverted(run.Name, tc.reason)
			if ended.Status.Verdict != tc.verdict {
				t.Errorf("verdict %s, want %s", ended.Status.Verdict, tc.verdict)
			}
			metric := shop.MetricOf(t, ended, "error-rate")
			if last := metric.Last[len(metric.Last)-1]; last.Reason != tc.measured {
				t.Errorf("the last measurement is %+v, want reason %s", last, tc.measured)
			}
		})
	}
}

// TestEverySeriesMustBeInRange: of several series the worst decides, and is named.
func TestEverySeriesMustBeInRange(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanOf(`label_replace(vector(0), "which", "good", "", "") or label_replace(vector(1), "which", "bad", "", "")`), NoLoad: true})
	run := s.HoldV2()
	ended := s.WantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	if !strings.Contains(ended.Status.Message, "bad") {
		t.Errorf("the message does not name the bad series: %s", ended.Status.Message)
	}
}

// TestAPlanWithABadQueryIsRefused: with field and position, and what is right
// and likely not meant is told.
func TestAPlanWithABadQueryIsRefused(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	for query, want := range map[string]string{
		`sum(rate(x[1m])`:        "spec.analysis.metrics[0].query: Invalid value: \"sum(rate(x[1m])\": line 1, column",
		`rate(x{ {{pod}} }[1m])`: "line 1, column 9: unknown placeholder {{pod}}",
		`x{ {{canary}} }[1m]`:    "put a function such as rate(…)",
		`"x"`:                    "the query gives a string",
	} {
		_, stderr, code := s.Kubectl("apply", "-f", "-", shop.PlanOf(query))
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, kubectl says:\n%s", query, code, stderr)
		}
	}
	said := s.Must("apply", "-f", "-", shop.PlanOf(`sum(rate(x{ {{canary}} }[2s])) or vector(0)`))
	for _, trap := range []string{"makes a value of missing data", "shorter than four scrape intervals (4 × 1s)"} {
		if !strings.Contains(said, trap) {
			t.Errorf("%q is not told; kubectl says:\n%s", trap, said)
		}
	}
	if said := s.Must("apply", "-f", "-", shop.PlanOf(`1 - avg(up{ {{canary}} })`)); strings.Contains(said, "Warning") {
		t.Errorf("a good plan is warned about; kubectl says:\n%s", said)
	}
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
}

// TestAnEndpointThatIsNotThereEndsInconclusive: the names that there are stand in
// the warning and in the verdict.
func TestAnEndpointThatIsNotThereEndsInconclusive(t *testing.T) {
	t.Parallel()
	plan := shop.PlanAsking("thanos")
	s := shop.Open(t, shop.Settings{NoLoad: true})
	const want = `unknown Prometheus endpoint "thanos": plans of namespace `
	if said := s.Must("apply", "-f", "-", plan); !strings.Contains(said, want) {
		t.Errorf("kubectl says:\n%s", said)
	}
	run := s.HoldV2()
	ended := s.WantReverted(run.Name, v1alpha1.ReasonErrorLimit)
	if ended.Status.Verdict != v1alpha1.VerdictInconclusive || !strings.Contains(ended.Status.Message, want) {
		t.Errorf("verdict %s: %s", ended.Status.Verdict, ended.Status.Message)
	}
}
