package v1alpha1

import (
	"math"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestTotalNeverOverflows: also of periods that nobody has checked, and twice it is a deadline.
func TestTotalNeverOverflows(t *testing.T) {
	long := Step{Period: &metav1.Duration{Duration: math.MaxInt64}}
	for name, spec := range map[string]CanaryPlanSpec{
		"one":   {Analysis: Analysis{Period: &metav1.Duration{Duration: math.MaxInt64}}},
		"three": {Steps: []Step{long, long, {Period: &metav1.Duration{Duration: time.Hour}}}},
	} {
		if spec.SetDefaults(); spec.Total() < math.MaxInt64/2 || spec.Deadline.Duration < spec.Total() {
			t.Errorf("%s: total %s, deadline %s", name, spec.Total(), spec.Deadline.Duration)
		}
	}
}
