package e2e

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestWhatIsNoNumberNeverReleases: each kind of answer has its outcome, and its
// own limit ends the run.
func TestWhatIsNoNumberNeverReleases(t *testing.T) {
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
			plan := planOf(tc.query)
			if tc.limit != "" {
				plan = strings.Replace(plan, tc.limit, strings.Replace(tc.limit, "30", "3", 1), 1)
			}
			s := open(t, settings{plan: plan, noLoad: true})
			run := s.holdV2()
			if tc.verdict == v1alpha1.VerdictInconclusive { // nothing is decided without a person
				paused := s.awaitPhase(run.Name, v1alpha1.PhasePaused)
				if paused.Status.Reason != tc.reason || paused.Status.Verdict != tc.verdict {
					t.Errorf("run is paused for %s with verdict %q, want %s and %s", paused.Status.Reason, paused.Status.Verdict, tc.reason, tc.verdict)
				}
				s.wantImage("v1")
				s.must("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`)
				tc.reason = v1alpha1.ReasonAborted
			}
			ended := s.wantReverted(run.Name, tc.reason)
			if ended.Status.Verdict != tc.verdict {
				t.Errorf("verdict %s, want %s", ended.Status.Verdict, tc.verdict)
			}
			metric := metricOf(t, ended, "error-rate")
			if last := metric.Last[len(metric.Last)-1]; last.Reason != tc.measured {
				t.Errorf("the last measurement is %+v, want reason %s", last, tc.measured)
			}
		})
	}
}

// TestEverySeriesMustBeInRange: of several series the worst decides, and is named.
func TestEverySeriesMustBeInRange(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: planOf(`label_replace(vector(0), "which", "good", "", "") or label_replace(vector(1), "which", "bad", "", "")`), noLoad: true})
	run := s.holdV2()
	ended := s.wantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	if !strings.Contains(ended.Status.Message, "bad") {
		t.Errorf("the message does not name the bad series: %s", ended.Status.Message)
	}
}

// TestAPlanWithABadQueryStartsNothing: it is an event with the position, not a loop.
func TestAPlanWithABadQueryStartsNothing(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: planOf(`sum(rate(x[1m])`), noLoad: true})
	s.apply("v2")
	s.wantEvents("PlanInvalid")
	s.wantImage("v1")
	s.must("apply", "-f", "-", planOf(`sum(up{ {{canary}} }) * 0`))
	run := s.onlyRun()
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
}
