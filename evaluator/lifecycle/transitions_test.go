package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// TestARoundIsToldThatIsAskedForAnotherTime: rounds are asked for times that others ask for too, and as long
// ago as samples come late. So the measurements of one round have several times.
func TestARoundIsToldThatIsAskedForAnotherTime(t *testing.T) {
	measured := func(name string, at time.Duration, outcome v1alpha1.Outcome) v1alpha1.MetricStatus {
		return analysis.Count(v1alpha1.MetricStatus{Name: name}, v1alpha1.Measurement{Time: metav1.NewTime(noon.Add(at)), Outcome: outcome})
	}
	before := v1alpha1.CanaryRunStatus{Measured: 1, Metrics: []v1alpha1.MetricStatus{measured("earlier", 0, v1alpha1.OutcomeFailed)}}
	after := v1alpha1.CanaryRunStatus{Measured: 2, Metrics: []v1alpha1.MetricStatus{
		measured(analysis.Pods, 34*time.Second, v1alpha1.OutcomePassed), measured("errors", 30*time.Second, v1alpha1.OutcomeFailed), before.Metrics[0],
	}}
	told := Transitions(before, after)
	if len(told) != 1 || told[0].Kind != TransitionFailed || told[0].Metric != "errors" {
		t.Errorf("told: %+v", told)
	}
	if got := Measured(before, after); len(got) != 2 {
		t.Errorf("measured: %v", got)
	}
}
