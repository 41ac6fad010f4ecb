package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
)

// The share is never smaller than was asked for, and with one pod less it would be.
// A baseline takes as much as the canary.
func TestWeighted(t *testing.T) {
	for most, sets := range map[int32]int32{99: 1, 49: 2} {
		for weight := int32(1); weight <= most; weight++ {
			for replicas := int32(0); replicas <= 60; replicas++ {
				wantShare(t, weight, replicas, sets)
			}
		}
	}
}

func wantShare(t *testing.T, weight, replicas, sets int32) {
	t.Helper()
	n := policy.Weighted(weight, replicas, sets == 2)
	share := func(n int32) float64 { return 100 * float64(n) / float64(sets*n+replicas) }
	switch {
	case n < 1 || n > 1000:
		t.Fatalf("weight %d beside %d: %d pods", weight, replicas, n)
	case replicas > 0 && n < 1000 && share(n) < float64(weight)-1e-9:
		t.Fatalf("weight %d beside %d: %d pods are only %g %%", weight, replicas, n, share(n))
	case n > 1 && share(n-1) >= float64(weight)+1e-9:
		t.Fatalf("weight %d beside %d: %d pods, and one less would do", weight, replicas, n)
	}
}

func TestAPlanWithoutStepsHasOne(t *testing.T) {
	three := intstr.FromInt32(3)
	spec := quickPlan()
	spec.Replicas = &three
	s := step{plan: spec}
	s.in.Deployment.Replicas = 9
	if steps := stepsOf(spec); len(steps) != 1 || s.size() != 3 || spec.Total() != 20*time.Second {
		t.Errorf("steps %+v, in all %s", steps, spec.Total())
	}
}

func TestAStepIsJudgedByItsOwnAndByThePlan(t *testing.T) {
	spec := quickPlan()
	stage := v1alpha1.Step{Period: &metav1.Duration{Duration: time.Hour}, Metrics: []v1alpha1.Metric{{Name: "more"}}}
	a := analysisOf(spec, stage)
	if len(a.Metrics) != 2 || a.Metrics[0].Name != "errors" || a.Metrics[1].Name != "more" || a.Period.Duration != time.Hour {
		t.Errorf("judged by %+v", a)
	}
	if len(spec.Analysis.Metrics) != 1 || spec.Analysis.Period.Duration != 20*time.Second {
		t.Errorf("the plan itself was changed: %+v", spec.Analysis)
	}
}
