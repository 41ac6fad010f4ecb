package plancheck

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/endpoint"
)

func TestStepsThatAreOverBeforeTheyAreSeenAreTold(t *testing.T) {
	minutes := func(n time.Duration) *metav1.Duration { return &metav1.Duration{Duration: n * time.Minute} }
	spec := &v1alpha1.CanaryPlanSpec{
		Analysis: v1alpha1.Analysis{Period: minutes(5)},
		Steps:    []v1alpha1.Step{{}, {Period: minutes(1)}},
	}
	for name, tc := range map[string]struct {
		delay time.Duration
		want  string
	}{
		"answers come at once":         {0, ""},
		"sooner than a step takes":     {30 * time.Second, ""},
		"as late as a step takes":      {time.Minute, "spec.steps[1].period: endpoint late"},
		"later than all but one takes": {4 * time.Minute, "spec.steps[1].period: endpoint late"},
		"later than all of them":       {6 * time.Minute, "spec.analysis.period: endpoint late|spec.steps[1].period: endpoint late"},
	} {
		got := late(endpoint.Definition{Name: "late", Delay: metav1.Duration{Duration: tc.delay}}, spec)
		var begins []string
		for _, warning := range got {
			begin, _, _ := strings.Cut(warning, " is asked")
			begins = append(begins, begin)
		}
		if strings.Join(begins, "|") != tc.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
