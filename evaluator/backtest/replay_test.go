package backtest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) // a Monday

func after(d time.Duration) time.Time { return start.Add(d) }

const planText = `
readyDeadline: 2m
analysis:
  interval: 10s
  period: 1m
  failureLimit: 1
  errorLimit: 1
  noDataLimit: 1
  metrics:
  - name: error-rate
    query: sum(errors{ {{canary}} })
    range: {min: 0, max: 0.05}
`

func prepared(t *testing.T, text string) Prepared {
	t.Helper()
	var spec v1alpha1.CanaryPlanSpec
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rolled is a rollout of three pods that live for an hour.
func rolled() Rollout {
	r := Rollout{At: start, ReplicaSet: "web-2", Stable: []string{"web-1"}, Before: 3}
	for i, name := range []string{"web-2-a", "web-2-b", "web-2-c"} {
		r.Pods = append(r.Pods, RecordedPod{Name: name, ReplicaSet: "web-2", First: after(time.Duration(i) * 20 * time.Second), Last: after(time.Hour)})
	}
	return r
}

// value is what every query gives from a time on.
type value struct {
	from time.Duration
	is   float64
}

func recorded(values ...value) func(lifecycle.Snapshot, time.Time) (*lifecycle.Round, error) {
	return func(in lifecycle.Snapshot, at time.Time) (*lifecycle.Round, error) {
		round := &lifecycle.Round{At: at, Observations: map[string]analysis.Observation{}}
		for _, m := range lifecycle.AnalysisOf(in).Metrics {
			o := analysis.Observation{Answer: analysis.Answer{Query: m.Query}}
			for _, v := range values {
				if !at.Before(after(v.from)) {
					o.Series = []analysis.Series{{Value: v.is}}
				}
			}
			round.Observations[m.Name] = o
		}
		return round, nil
	}
}

func TestReplay(t *testing.T) {
	good := []value{{0, 0.01}}
	for name, tc := range map[string]struct {
		plan    string
		values  []value
		rollout func(*Rollout)
		until   time.Duration
		want    Fate
		reason  string
		at      time.Duration
		message string
	}{
		"what stays good is released when the period is over": {
			values: good, want: Released, reason: v1alpha1.ReasonPeriodOver, at: time.Minute},
		"what gets bad is reverted when the failure limit is passed": {
			values: []value{{0, 0.01}, {25 * time.Second, 0.4}}, want: Reverted, reason: v1alpha1.ReasonMetricOutOfRange, at: 40 * time.Second,
			message: "0.4 is above max 0.05 (range [0, 0.05]); failed 2 times in a row, limit 1"},
		"a spike within the failure limit is borne": {
			values: []value{{0, 0.01}, {25 * time.Second, 0.4}, {35 * time.Second, 0.01}}, want: Released, reason: v1alpha1.ReasonPeriodOver, at: time.Minute},
		"without data there is no verdict but to ask a person": {
			want: Inconclusive, reason: v1alpha1.ReasonNoDataLimit, at: 10 * time.Second, message: "the query found no series"},
		"a plan that reverts what is inconclusive does so": {
			plan: planText + "onInconclusive: Revert\n", want: Reverted, reason: v1alpha1.ReasonNoDataLimit, at: 10 * time.Second},
		"a plan that freezes does so": {
			plan: planText + "onFailure: Freeze\n", values: []value{{0, 1}}, want: Frozen, reason: v1alpha1.ReasonMetricOutOfRange, at: 10 * time.Second},
		"a dry run releases nothing": {
			plan: planText + "dryRun: true\n", values: good, want: Passed, reason: v1alpha1.ReasonPeriodOver, at: time.Minute},
		"the canary waits for as many pods as the plan asks for": {
			plan: planText + "replicas: 3\n", values: good, want: Released, reason: v1alpha1.ReasonPeriodOver, at: 100 * time.Second},
		"steps follow each other, and gates are open": {
			plan:   planText + "steps: [{replicas: 1, period: 30s, approval: true}, {replicas: 2, period: 40s}]\n",
			values: good, want: Released, reason: v1alpha1.ReasonPeriodOver, at: 70 * time.Second},
		"recordings that end before the period leave it open": {
			values: good, until: 30 * time.Second, want: Undecided, at: 30 * time.Second, message: "the recordings end"},
		"pods that were taken away leave it open": {
			values:  good,
			plan:    strings.Replace(planText, "period: 1m", "period: 10m", 1),
			rollout: func(r *Rollout) { gone(r, after(time.Minute)) },
			want:    Undecided, at: 160 * time.Second, message: "were gone"},
		"a rollout that nothing was seen of is left open": {
			rollout: func(r *Rollout) { *r = Rollout{At: start} }, want: Undecided, message: "no ReplicaSet was seen"},
		"pods that are never Ready fail": {
			rollout: func(r *Rollout) { r.Pods[0].NeverReady, r.Pods = true, r.Pods[:1] },
			want:    Reverted, reason: v1alpha1.ReasonNotReady, at: 2 * time.Minute, message: "the canary was not Ready within 2m"},
		"the period begins when the pods are Ready": {
			rollout: func(r *Rollout) { r.Pods[0].Ready = after(30 * time.Second) },
			values:  good, want: Released, reason: v1alpha1.ReasonPeriodOver, at: 90 * time.Second},
		"a restart fails at once": {
			rollout: func(r *Rollout) {
				r.Pods[0].Restarts = []analysis.Sample{{Time: start}, {Time: after(33 * time.Second), Value: 1}}
			},
			values: good, want: Reverted, reason: v1alpha1.ReasonCrashed, at: 33 * time.Second, message: "restarted 1 time"},
	} {
		t.Run(name, func(t *testing.T) {
			r := rolled()
			if tc.rollout != nil {
				tc.rollout(&r)
			}
			if tc.plan == "" {
				tc.plan = planText
			}
			until := after(time.Hour)
			if tc.until > 0 {
				until = after(tc.until)
			}
			d, err := Replay(prepared(t, tc.plan), r, Settings{
				Namespace: "shop", Deployment: "web", Until: until, Measure: recorded(tc.values...)})
			if err != nil {
				t.Fatal(err)
			}
			if d.Outcome != tc.want || d.Reason != tc.reason || d.At.Sub(start).Truncate(time.Second) != tc.at || !strings.Contains(d.Message, tc.message) {
				t.Errorf("got %s (%s) after %s: %s; want %s (%s) after %s: … %s …",
					d.Outcome, d.Reason, d.At.Sub(start), d.Message, tc.want, tc.reason, tc.at, tc.message)
			}
		})
	}
}

func gone(r *Rollout, at time.Time) {
	for i := range r.Pods {
		r.Pods[i].Last = at
	}
}

func TestAReleaseWaitsForTheEndOfAFreezeWindow(t *testing.T) {
	p := prepared(t, planText+`freezeWindows: [{start: "Mon 09:00", end: "Mon 17:00", timeZone: UTC}]`)
	d, err := Replay(p, rolled(), Settings{Namespace: "shop", Deployment: "web", Until: after(time.Hour), Measure: recorded(value{0, 0})})
	if err != nil {
		t.Fatal(err)
	}
	if d.Outcome != Released || d.ReleasedAt == nil || !d.ReleasedAt.Equal(after(5*time.Hour)) {
		t.Errorf("%s, released at %v, want the end of the window", d.Outcome, d.ReleasedAt)
	}
}

func TestEveryRoundStandsInTheDecision(t *testing.T) {
	d, err := Replay(prepared(t, planText), rolled(), Settings{Namespace: "shop", Deployment: "web", Until: after(time.Hour), Measure: recorded(value{0, 0})})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range d.Metrics {
		if len(m.Measurements) != 7 || m.Count(v1alpha1.OutcomePassed) != 7 {
			t.Errorf("%s has %d measurements, want one each 10s of a minute, ends included", m.Name, len(m.Measurements))
		}
	}
	if len(d.Metrics) != 2 {
		t.Errorf("%d metrics, want pods and error-rate", len(d.Metrics))
	}
}

func TestAnErrorOfAskingEndsTheReplay(t *testing.T) {
	broken := errors.New("interrupted")
	_, err := Replay(prepared(t, planText), rolled(), Settings{Until: after(time.Hour),
		Measure: func(lifecycle.Snapshot, time.Time) (*lifecycle.Round, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestNotesSayWhatIsAssumed(t *testing.T) {
	p := prepared(t, `
baseline: {}
manual: {deadline: 1h, assume: Pass}
steps: [{replicas: 1, approval: true}]
analysis:
  metrics:
  - name: marked
    labels: {of: Pods, selector: {matchLabels: {bad: "true"}}}
`)
	for _, want := range []string{"labels of objects are not recorded: marked", "approved at once", "analysis alone", "ReplicaSets before"} {
		if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, want) }) {
			t.Errorf("no note says %q: %q", want, p.Notes)
		}
	}
	if len(p.Spec.Analysis.Metrics) != 0 || p.Spec.Manual != nil {
		t.Errorf("the plan still has what cannot be tried: %+v", p.Spec)
	}
}

func TestAPlanThatCannotBeFollowedIsRefused(t *testing.T) {
	_, err := Prepare(v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{{Name: "x", Query: "sum("}}}})
	if err == nil || !strings.Contains(err.Error(), "spec.analysis.metrics[0].query") {
		t.Errorf("error %v", err)
	}
}
