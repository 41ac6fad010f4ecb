package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

func TestLag(t *testing.T) {
	at := func(after time.Duration) *metav1.Time { return new(metav1.NewTime(noon.Add(after))) }
	for name, tc := range map[string]struct {
		phase    v1alpha1.Phase
		last     *metav1.Time // the newest round
		measured int32        // in the new status; the old one has 7
		now      time.Duration
		want     time.Duration // below zero where none is told
	}{
		"a round that was measured at once":       {v1alpha1.PhaseRunning, at(30 * time.Second), 8, 40*time.Second + 200*time.Millisecond, 200 * time.Millisecond},
		"one that took some time":                 {v1alpha1.PhaseRunning, at(30 * time.Second), 8, 49 * time.Second, 9 * time.Second},
		"two that were missed before it":          {v1alpha1.PhaseRunning, at(30 * time.Second), 8, 61 * time.Second, 21 * time.Second},
		"the first one":                           {v1alpha1.PhaseRunning, nil, 8, 11 * time.Second, time.Second},
		"a clock that is behind":                  {v1alpha1.PhaseRunning, at(30 * time.Second), 8, 39 * time.Second, 0},
		"no round":                                {v1alpha1.PhaseRunning, at(30 * time.Second), 7, time.Hour, -1},
		"one of a run that waited for its pods":   {v1alpha1.PhaseStarting, at(30 * time.Second), 8, time.Hour, -1},
		"one of a run that a person has let wait": {v1alpha1.PhasePaused, at(30 * time.Second), 8, time.Hour, -1},
	} {
		t.Run(name, func(t *testing.T) {
			in := Snapshot{Now: noon.Add(tc.now), Run: Run{
				Spec: v1alpha1.CanaryRunSpec{Plan: &v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{
					Interval: &metav1.Duration{Duration: 10 * time.Second}, InitialDelay: &metav1.Duration{Duration: 10 * time.Second}, Period: &metav1.Duration{Duration: 10 * time.Hour},
				}}},
				Status: v1alpha1.CanaryRunStatus{Phase: tc.phase, Measured: 7, Step: &v1alpha1.StepStatus{ReadyAt: at(0)}},
			}}
			if tc.last != nil {
				in.Run.Status.Metrics = []v1alpha1.MetricStatus{{Name: analysis.Pods, Last: []v1alpha1.Measurement{{Time: *tc.last}}}}
			}
			after := *in.Run.Status.DeepCopy()
			after.Measured = tc.measured
			got, ok := Lag(in, after)
			if ok != (tc.want >= 0) || ok && got != tc.want {
				t.Errorf("%s, %t; want %s", got, ok, tc.want)
			}
		})
	}
}
