package view

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/decision"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scene is a run at a time. The scenes are those of kubectl holdfast status: both say the same of a run.
type scene struct {
	Now      time.Time
	MinReady metav1.Duration
	Run      v1alpha1.CanaryRun
}

const scenes = "../../../cmd/kubectl-holdfast/show/testdata/views/*.yaml"

// TestDetails: each scene is shown as the file of its name in testdata says.
func TestDetails(t *testing.T) {
	files, err := filepath.Glob(scenes)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenes: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var s scene
			if err := yaml.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(DetailOf(&s.Run, s.MinReady.Duration, s.Now), "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(filepath.Base(file), ".yaml")+".json", string(got)+"\n")
			for _, r := range string(got) {
				if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' {
					t.Errorf("a control character is shown: %q", r)
				}
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func run(edit func(*v1alpha1.CanaryRun)) *v1alpha1.CanaryRun {
	r := &v1alpha1.CanaryRun{Spec: v1alpha1.CanaryRunSpec{Deployment: "web", Hold: "h", Plan: &v1alpha1.CanaryPlanSpec{}}}
	r.Status.Phase = v1alpha1.PhaseRunning
	edit(r)
	return r
}

func TestWhereACardIsListedAndWhatItOffers(t *testing.T) {
	all := []decision.Verb{decision.Promote, decision.Pause, decision.Retry, decision.Abort}
	for name, tc := range map[string]struct {
		run    *v1alpha1.CanaryRun
		group  Group
		tone   Tone
		offers []decision.Verb
	}{
		"one that is measured": {run(func(*v1alpha1.CanaryRun) {}), GroupUnderway, ToneBusy, all},
		"one that was paused": {run(func(r *v1alpha1.CanaryRun) {
			r.Spec.Paused, r.Status.Phase, r.Status.Reason = true, v1alpha1.PhasePaused, v1alpha1.ReasonPausedByUser
		}), GroupAsks, ToneAsks, []decision.Verb{decision.Promote, decision.Resume, decision.Retry, decision.Abort}},
		"one that waits for a hook": {run(func(r *v1alpha1.CanaryRun) {
			r.Status.Phase, r.Status.Reason = v1alpha1.PhasePaused, v1alpha1.ReasonGateClosed
		}), GroupUnderway, ToneAsks, all},
		"one that waits for approval": {run(func(r *v1alpha1.CanaryRun) {
			r.Status.Phase, r.Status.Reason, r.Status.Step = v1alpha1.PhasePaused, v1alpha1.ReasonApproval, &v1alpha1.StepStatus{Number: 1}
		}), GroupAsks, ToneAsks, append([]decision.Verb{decision.Approve}, all...)},
		"one that is frozen": {run(func(r *v1alpha1.CanaryRun) { r.Status.Phase = v1alpha1.PhaseFrozen }), GroupAsks, ToneBad, all},
		"one that was decided": {run(func(r *v1alpha1.CanaryRun) {
			r.Status.Phase, r.Spec.Decision = v1alpha1.PhaseFrozen, v1alpha1.DecisionAbort
		}), GroupUnderway, ToneBad, nil},
		"one that is being released": {run(func(r *v1alpha1.CanaryRun) { r.Status.Phase = v1alpha1.PhaseReleasing }), GroupUnderway, ToneGood, []decision.Verb{decision.Abort}},
		"one that was reverted":      {run(func(r *v1alpha1.CanaryRun) { r.Status.Phase = v1alpha1.PhaseReverted }), GroupEnded, ToneBad, nil},
		"one that has not begun":     {run(func(r *v1alpha1.CanaryRun) { r.Status.Phase = "" }), GroupUnderway, ToneQuiet, all},
	} {
		c := CardOf(tc.run)
		if diff := cmp.Diff(tc.offers, c.Offers); diff != "" || c.Group != tc.group || c.Tone != tc.tone {
			t.Errorf("%s: %s, %s, offers (-want +got):\n%s", name, c.Group, c.Tone, diff)
		}
	}
}

// TestTheEvidenceOfAComparisonGrows to what decides, and no further.
func TestTheEvidenceOfAComparisonGrows(t *testing.T) {
	rule := v1alpha1.Metric{Name: "errors", Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{Bad: "bad", Total: "all"}}}
	r := run(func(r *v1alpha1.CanaryRun) { r.Spec.Plan.Analysis.Metrics = []v1alpha1.Metric{rule} })
	r.Spec.Plan.SetDefaults()
	rule = r.Spec.Plan.Analysis.Metrics[0]
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	samples := func(bad float64, n int) analysis.SideSamples {
		series := func(each float64) []analysis.Series {
			s := analysis.Series{Labels: "{}"}
			for i := range n + 1 {
				s.Samples = append(s.Samples, analysis.Sample{Time: start.Add(time.Duration(i) * time.Minute), Value: each * float64(i)})
			}
			return []analysis.Series{s}
		}
		return analysis.SideSamples{Bad: series(bad), Total: series(500)}
	}
	last, status := -1.0, v1alpha1.MetricStatus{Name: "errors"}
	for n := 1; n <= 6; n++ {
		o := analysis.Observation{FalseAlarms: analysis.FalseAlarms(r.Spec.Plan), Comparison: &analysis.ComparisonSamples{Canary: samples(40, n), Other: samples(5, n), Since: start, Scrape: time.Minute}}
		status = analysis.Take(rule, status, start.Add(time.Duration(n)*time.Minute), o)
		r.Status.Metrics = []v1alpha1.MetricStatus{status}
		c := DetailOf(r, 0, start).Chart[0]
		if e := c.Evidence; e == nil || e.Worse < last || e.Worse > 1 || e.NotWorse != 0 || e.Canary.Bad != float64(40*n) || e.Other.Total != float64(500*n) {
			t.Fatalf("after %d rounds: %+v", n, e)
		}
		last = c.Evidence.Worse
	}
	c := DetailOf(r, 0, start).Chart[0]
	round := c.Rounds[len(c.Rounds)-1]
	if last != 1 || !c.Compares || round.Outcome != "Failed" || round.Value == nil || *round.Value != 8 || round.High == nil || *round.High != 1.2 || round.From == nil || round.To == nil {
		t.Errorf("in the end %v: %+v", last, round)
	}
}

func TestAChartIsSaidInWords(t *testing.T) {
	m := func(o v1alpha1.Outcome, value, message string) v1alpha1.Measurement {
		return v1alpha1.Measurement{Outcome: o, Value: value, Message: message, Range: "[0, 0.05]"}
	}
	const passed, failed, noData, broken = v1alpha1.OutcomePassed, v1alpha1.OutcomeFailed, v1alpha1.OutcomeNoData, v1alpha1.OutcomeError
	for want, status := range map[string]v1alpha1.MetricStatus{
		"The newest round passed with 0.01235; wanted is [0, 0.05]. Of all rounds 1 passed.": {Passed: 1, Last: []v1alpha1.Measurement{m(passed, "0.0123456789", "")}},
		"The newest round failed: 0.3 is above max 0.05. In the last 3 rounds it went from 0.01 to 0.3, between 0.01 and 0.4. Of all rounds 1 passed, 2 failed; 2 failed in a row.": {
			Passed: 1, Failed: 2, ConsecutiveFailures: 2, Last: []v1alpha1.Measurement{m(passed, "0.01", ""), m(failed, "0.4", ""), m(failed, "0.3", "0.3 is above max 0.05.")}},
		"The newest round has no data: the query found nothing. Of all rounds 1 had no data.":                                           {NoData: 1, Last: []v1alpha1.Measurement{m(noData, "", "the query found nothing")}},
		"The newest round could not be measured: it says nothing. Of all rounds 1 could not be measured.":                               {Errors: 1, Last: []v1alpha1.Measurement{m(broken, "", "")}},
		"The newest round passed: no alert fires. Of all rounds 4 passed.":                                                              {Passed: 4, Last: []v1alpha1.Measurement{m(passed, "", "no alert fires")}},
		"The newest round passed with 2; wanted is [0, 0.05]. In the last 3 rounds it was 2 all the time. No round is counted yet.":     {Last: []v1alpha1.Measurement{m(passed, "2", ""), m(passed, "2", ""), m(passed, "2", "")}},
		"The newest round passed with 0.6; wanted is [0, 0.05]. In the last 3 rounds it was 0.6 all the time. No round is counted yet.": {Last: []v1alpha1.Measurement{m(passed, "0.6", ""), m(passed, "0.6000000000000001", ""), m(passed, "0.6", "")}},
	} {
		if diff := cmp.Diff(want, describe(status)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestASparklineHasOneScaleForValuesAndWhatIsWanted(t *testing.T) {
	got := spark([]v1alpha1.Measurement{
		{Outcome: v1alpha1.OutcomePassed, Value: "1", Range: "[0, 2]"}, {Outcome: v1alpha1.OutcomeFailed, Value: "4", Range: "[0, 2]"},
		{Outcome: v1alpha1.OutcomeNoData}, {Outcome: v1alpha1.OutcomeFailed, Value: "NaN"},
	})
	want := []Dot{{0.25, "Passed"}, {1, "Failed"}, {-1, "NoData"}, {-1, "Failed"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
