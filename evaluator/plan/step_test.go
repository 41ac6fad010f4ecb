package plan

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/policy"
	"holdfast.dev/holdfast/api/v1alpha1"
)

// The share is never smaller than was asked for, and with one pod less it would be.
func TestWeighted(t *testing.T) {
	for weight := int32(1); weight < 100; weight++ {
		for replicas := int32(0); replicas <= 60; replicas++ {
			n := policy.Weighted(weight, replicas)
			share := func(n int32) float64 { return 100 * float64(n) / float64(n+replicas) }
			switch {
			case n < 1 || n > 1000:
				t.Fatalf("weight %d beside %d: %d pods", weight, replicas, n)
			case n < 1000 && share(n) < float64(weight)-1e-9:
				t.Fatalf("weight %d beside %d: %d pods are only %g %%", weight, replicas, n, share(n))
			case n > 1 && share(n-1) >= float64(weight)+1e-9:
				t.Fatalf("weight %d beside %d: %d pods, and one less would do", weight, replicas, n)
			}
		}
	}
}

func TestAPlanWithoutStepsHasOne(t *testing.T) {
	three := intstr.FromInt32(3)
	spec := quickPlan()
	spec.Replicas = &three
	if steps := stepsOf(spec); len(steps) != 1 || size(steps[0], 9) != 3 || spec.Total() != 20*time.Second {
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
