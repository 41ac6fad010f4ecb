package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

func TestEveryRunHasTheSameShareOfTheWriteBudget(t *testing.T) {
	for _, tc := range []struct {
		budget WriteBudget
		runs   int
		want   time.Duration
	}{
		{5, 1, 200 * time.Millisecond}, {5, 50, 10 * time.Second}, {5, 1000, 200 * time.Second},
		{5, 10_000, oldestStatus}, {0, 1, oldestStatus}, {1. / 60, 1, time.Minute},
	} {
		if got := tc.budget.Every(tc.runs).Round(time.Millisecond); got != tc.want {
			t.Errorf("%g a second, %d runs: every %s, want %s", tc.budget, tc.runs, got, tc.want)
		}
	}
}

// TestMayWait: good rounds may wait for the run's share of the budget, and nothing else may.
func TestMayWait(t *testing.T) {
	metric := func(name string, outcome v1alpha1.Outcome) v1alpha1.MetricStatus {
		return analysis.Count(v1alpha1.MetricStatus{Name: name}, v1alpha1.Measurement{Time: metav1.NewTime(noon), Outcome: outcome})
	}
	again := func(m *v1alpha1.MetricStatus, outcome v1alpha1.Outcome, reason string) {
		*m = analysis.Count(*m, v1alpha1.Measurement{Time: metav1.NewTime(noon.Add(10 * time.Second)), Outcome: outcome, Reason: reason})
	}
	written := v1alpha1.CanaryRunStatus{
		Phase: v1alpha1.PhaseRunning, Reason: v1alpha1.ReasonMeasuring, Message: "the canary is measured", Measured: 1, AsOf: new(metav1.NewTime(noon)),
		Step:    &v1alpha1.StepStatus{Number: 1, Measured: 1},
		Metrics: []v1alpha1.MetricStatus{metric(analysis.Pods, v1alpha1.OutcomePassed), metric("errors", v1alpha1.OutcomePassed)},
	}
	good := func(_, after *v1alpha1.CanaryRunStatus) {
		again(&after.Metrics[1], v1alpha1.OutcomePassed, "")
	}
	for name, tc := range map[string]struct {
		change func(before, after *v1alpha1.CanaryRunStatus)
		after  time.Duration
		waits  bool
	}{
		"a good round":                                 {good, 10 * time.Second, true},
		"one a moment before its share":                {good, time.Minute - 1, true},
		"one that has its share":                       {good, time.Minute, false},
		"one of a status that nobody knows the age of": {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); b.AsOf = nil }, 10 * time.Second, false},
		"one while a person is waited for":             {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); b.Phase, a.Phase = "Paused", "Paused" }, 10 * time.Second, true},
		"one with which the run moves":                 {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); a.Phase = v1alpha1.PhaseReleasing }, 10 * time.Second, false},
		"one of a run that has begun to be measured":   {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); b.Phase = v1alpha1.PhaseStarting }, 10 * time.Second, false},
		"one with a verdict":                           {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); a.Verdict = v1alpha1.VerdictPass }, 10 * time.Second, false},
		"one with another message":                     {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); a.Message = "x" }, 10 * time.Second, false},
		"one with a condition":                         {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); a.Conditions = []metav1.Condition{{Type: "x"}} }, 10 * time.Second, false},
		"one with another pod":                         {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); a.Canary = &v1alpha1.OwnSet{Name: "x"} }, 10 * time.Second, false},
		"one after the period":                         {func(b, a *v1alpha1.CanaryRunStatus) { good(b, a); a.Overtime = 1 }, 10 * time.Second, false},
		"the first round of a metric": {func(_, a *v1alpha1.CanaryRunStatus) {
			a.Metrics = append(a.Metrics, metric("x", v1alpha1.OutcomePassed))
		}, 10 * time.Second, false},
		"a failure":                    {func(_, a *v1alpha1.CanaryRunStatus) { again(&a.Metrics[1], v1alpha1.OutcomeFailed, "") }, 10 * time.Second, false},
		"an error":                     {func(_, a *v1alpha1.CanaryRunStatus) { again(&a.Metrics[1], v1alpha1.OutcomeError, "") }, 10 * time.Second, false},
		"no data":                      {func(_, a *v1alpha1.CanaryRunStatus) { again(&a.Metrics[1], v1alpha1.OutcomeNoData, "") }, 10 * time.Second, false},
		"pods that are not Ready":      {func(_, a *v1alpha1.CanaryRunStatus) { again(&a.Metrics[0], v1alpha1.OutcomeFailed, "") }, 10 * time.Second, false},
		"a second failure in a row":    {func(b, a *v1alpha1.CanaryRunStatus) { bad(b, a, v1alpha1.OutcomeFailed, again) }, 10 * time.Second, false},
		"a second error in a row":      {func(b, a *v1alpha1.CanaryRunStatus) { bad(b, a, v1alpha1.OutcomeError, again) }, 10 * time.Second, false},
		"no data once more":            {func(b, a *v1alpha1.CanaryRunStatus) { bad(b, a, v1alpha1.OutcomeNoData, again) }, 10 * time.Second, false},
		"a comparison that gathers on": {func(b, a *v1alpha1.CanaryRunStatus) { gathers(b, a, again) }, 10 * time.Second, true},
		"what passes again": {func(b, a *v1alpha1.CanaryRunStatus) {
			*b = failedOnce(*b, again)
			a.Metrics[1] = b.Metrics[1]
			good(b, a)
		}, 10 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := *written.DeepCopy(), *written.DeepCopy()
			after.Measured, after.Step.Measured, after.Validation, after.Duration = 2, 2, "4/4", "10s/1h"
			again(&after.Metrics[0], v1alpha1.OutcomePassed, "")
			tc.change(&before, &after)
			if got := MayWait(before, after, time.Minute, noon.Add(tc.after)); got != tc.waits {
				t.Errorf("it may wait: %t", got)
			}
		})
	}
}

// TestAQuietStart: what becomes of pods in the first seconds is told when they are Ready, or later.
func TestAQuietStart(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1alpha1.CanaryRunStatus)
		after  time.Duration
		waits  bool
	}{
		"a pod is made": {func(s *v1alpha1.CanaryRunStatus) {
			s.Message, s.Scale = "0 of 1 canary pods are Ready; pod a is not Ready", "0/1"
			s.Canary.Pods = []v1alpha1.OwnPod{{Name: "a"}}
		}, time.Second, true},
		"it takes longer":        {func(s *v1alpha1.CanaryRunStatus) { s.Message = "x" }, quietStart, false},
		"it is Ready":            {func(s *v1alpha1.CanaryRunStatus) { s.Phase = v1alpha1.PhaseRunning }, time.Second, false},
		"it has failed":          {func(s *v1alpha1.CanaryRunStatus) { s.Verdict = v1alpha1.VerdictFail }, time.Second, false},
		"it starts once more":    {func(s *v1alpha1.CanaryRunStatus) { s.Reason = v1alpha1.ReasonNextStep }, time.Second, false},
		"its ReplicaSet is anew": {func(s *v1alpha1.CanaryRunStatus) { s.Canary.UID = "b" }, time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := v1alpha1.CanaryRunStatus{
				Phase: v1alpha1.PhaseStarting, Reason: v1alpha1.ReasonCanaryStarting, Message: "the canary pods start",
				Step: &v1alpha1.StepStatus{Number: 1, StartedAt: metav1.NewTime(noon)}, Canary: &v1alpha1.OwnSet{Name: "web-1", UID: "a"},
			}
			after := *before.DeepCopy()
			tc.change(&after)
			if got := MayWait(before, after, time.Hour, noon.Add(tc.after)); got != tc.waits {
				t.Errorf("it may wait: %t", got)
			}
		})
	}
}

type counting func(m *v1alpha1.MetricStatus, outcome v1alpha1.Outcome, reason string)

// bad has a metric end in the same way in both statuses.
func bad(before, after *v1alpha1.CanaryRunStatus, outcome v1alpha1.Outcome, again counting) {
	again(&before.Metrics[1], outcome, "")
	after.Metrics[1] = before.Metrics[1]
	again(&after.Metrics[1], outcome, "")
}

func gathers(before, after *v1alpha1.CanaryRunStatus, again counting) {
	again(&before.Metrics[1], v1alpha1.OutcomeNoData, v1alpha1.MeasuredGathering)
	after.Metrics[1] = before.Metrics[1]
	again(&after.Metrics[1], v1alpha1.OutcomeNoData, v1alpha1.MeasuredGathering)
}

func failedOnce(s v1alpha1.CanaryRunStatus, again counting) v1alpha1.CanaryRunStatus {
	again(&s.Metrics[1], v1alpha1.OutcomeFailed, "")
	return s
}
