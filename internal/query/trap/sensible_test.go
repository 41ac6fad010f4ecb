package trap

import (
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// A warning that good plans get is not read.
func TestNothingIsToldOfSensibleMetrics(t *testing.T) {
	text, err := os.ReadFile("testdata/sensible.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var metrics []v1alpha1.Metric
	if err := yaml.UnmarshalStrict(text, &metrics); err != nil {
		t.Fatal(err)
	}
	for _, m := range metrics {
		spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{m}}}
		spec.SetDefaults()
		if errs := query.ValidatePlan(&spec, field.NewPath("spec")); len(errs) > 0 {
			t.Errorf("%s: %v", m.Name, errs.ToAggregate())
		}
		for _, trap := range OfPlan(&spec, 15*time.Second) {
			t.Error(trap)
		}
	}
	if len(metrics) < 50 {
		t.Errorf("only %d metrics were found", len(metrics))
	}
}
