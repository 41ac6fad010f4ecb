package analysis

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestSamplesAreLateOnlyWhereTheSettingsPromiseNewerOnes(t *testing.T) {
	for _, tc := range []struct {
		name string
		age  SampleAge
		want bool
	}{
		{"nobody knows how old they are", SampleAge{Age: time.Hour, Scrape: 15 * time.Second}, false},
		{"they are as old as a scrape interval", SampleAge{Known: true, Age: 15 * time.Second, Scrape: 15 * time.Second}, false},
		{"a scrape took a moment", SampleAge{Known: true, Age: 16500 * time.Millisecond, Scrape: 15 * time.Second}, false},
		{"VictoriaMetrics leaves out half a minute", SampleAge{Known: true, Age: 31 * time.Second, Scrape: 15 * time.Second}, true},
		{"which the delay allows for", SampleAge{Known: true, Age: 31 * time.Second, Delay: 30 * time.Second, Scrape: 15 * time.Second}, false},
		{"the delay is too short", SampleAge{Known: true, Age: 61 * time.Second, Delay: 30 * time.Second, Scrape: 15 * time.Second}, true},
	} {
		if got := tc.age.IsLate(); got != tc.want {
			t.Errorf("%s: late is %t", tc.name, got)
		}
	}
}

func TestWhatIsLateIsNotCalledMissing(t *testing.T) {
	late := SampleAge{Known: true, Age: 41 * time.Second, Endpoint: "victoria", Scrape: 15 * time.Second}
	stopped := SampleAge{Known: true, Age: 20 * time.Minute, Endpoint: "victoria", Scrape: 15 * time.Second}
	inTime := SampleAge{Known: true, Age: 3 * time.Second, Endpoint: "victoria", Scrape: 15 * time.Second}
	value := v1alpha1.Metric{Name: "x", Query: "x", Range: between(0, 1)}
	found := []Series{{Labels: "{}", Value: 0.5}}
	for _, tc := range []struct {
		name            string
		metric          v1alpha1.Metric
		o               Observation
		outcome, reason string
		says, saysNot   string
	}{
		{
			"no series, late", value, Observation{SampleAge: late}, "NoData", "DataLate",
			"the newest is 41s old and delay is 0s: set delay: 45s for endpoint victoria", "",
		},
		{
			"no series, and no delay helps", value, Observation{SampleAge: stopped}, "NoData", "DataLate",
			"the newest is 20m0s old: nothing new comes to endpoint victoria", "set delay",
		},
		{"no series, in time", value, Observation{SampleAge: inTime}, "NoData", "NoData", "found no series", "late"},
		{"no series, and nobody knows", value, Observation{}, "NoData", "NoData", "found no series", "late"},
		{
			"a value of before", value, Observation{Answer: Answer{Series: found}, SampleAge: late}, "Passed", "InRange",
			"the newest sample of endpoint victoria is 41s old: what came since was not seen", "",
		},
		{"a value in time", value, Observation{Answer: Answer{Series: found}, SampleAge: inTime}, "Passed", "InRange", "0.5", "old"},
		{"an error", value, Observation{Answer: Answer{Error: "no answer"}, SampleAge: late}, "Error", "Error", "no answer", "old"},
		{
			"no pods, of which no sample tells", v1alpha1.Metric{Name: "x", Labels: &v1alpha1.LabelWatch{}}, Observation{SampleAge: late},
			"NoData", "NoData", "no canary pods", "late",
		},
	} {
		m := Judge(tc.metric, v1alpha1.MetricStatus{}, time.Now(), tc.o)
		if string(m.Outcome) != tc.outcome || m.Reason != tc.reason || !strings.Contains(m.Message, tc.says) || tc.saysNot != "" && strings.Contains(m.Message, tc.saysNot) {
			t.Errorf("%s: %s %s %q", tc.name, m.Outcome, m.Reason, m.Message)
		}
	}
}

func TestAVerdictWithoutDataSaysThatTheyAreLate(t *testing.T) {
	late := SampleAge{Known: true, Age: 41 * time.Second, Endpoint: "victoria", Scrape: 15 * time.Second}
	plan := testAnalysis("x")
	*plan.NoDataLimit = 0
	got := Evaluate(plan, []v1alpha1.MetricStatus{Take(plan.Metrics[0], v1alpha1.MetricStatus{Name: "x"}, noon, Observation{SampleAge: late})}, Progress{})
	if got.Verdict != v1alpha1.VerdictInconclusive || got.Reason != v1alpha1.ReasonNoDataLimit || !strings.Contains(got.Message, "set delay: 45s for endpoint victoria") {
		t.Errorf("%s %s %q", got.Verdict, got.Reason, got.Message)
	}
}
