package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestAPlanWithoutStepsHasOne(t *testing.T) {
	three := intstr.FromInt32(3)
	spec := quickPlan()
	spec.Replicas = &three
	s := planner{course: course{terms: terms{plan: spec}}}
	s.in.Deployment.Replicas = 9
	if steps := stepsOf(spec); len(steps) != 1 || sizeOf(s.in, s.course) != 3 || spec.Total() != 20*time.Second {
		t.Errorf("steps %+v, in all %s", steps, spec.Total())
	}
}

func TestAStepIsJudgedByItsOwnAndByThePlan(t *testing.T) {
	spec := quickPlan()
	step := v1alpha1.Step{Period: &metav1.Duration{Duration: time.Hour}, Metrics: []v1alpha1.Metric{{Name: "more"}}}
	a := analysisOf(spec, step)
	if len(a.Metrics) != 2 || a.Metrics[0].Name != "errors" || a.Metrics[1].Name != "more" || a.Period.Duration != time.Hour {
		t.Errorf("judged by %+v", a)
	}
	if len(spec.Analysis.Metrics) != 1 || spec.Analysis.Period.Duration != 20*time.Second {
		t.Errorf("the plan itself was changed: %+v", spec.Analysis)
	}
}
