package plan

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
)

func TestWithin(t *testing.T) {
	minutes := func(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * time.Minute} }
	named := func(change func(*v1alpha1.CanaryPolicySpec)) policy.Effective {
		p := v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
		change(&p.Spec)
		return policy.Combine([]v1alpha1.CanaryPolicy{p})
	}
	for name, tc := range map[string]struct {
		demands policy.Effective
		changes int
		says    string // why the plan cannot be followed
	}{
		"no policy": {policy.Effective{}, 0, ""},
		"a bound":   {named(func(s *v1alpha1.CanaryPolicySpec) { s.Limits.MinPeriod = minutes(30) }), 1, ""},
		"an endpoint that is not allowed": {named(func(s *v1alpha1.CanaryPolicySpec) { s.Prometheus.Endpoints = []string{"shared"} }), 0,
			"CanaryPolicy p does not let plans of this namespace name the endpoint default, as the plan (built-in) does"},
		"bounds that leave nothing": {named(func(s *v1alpha1.CanaryPolicySpec) { s.Limits.MaxDeadline = minutes(1) }), 0,
			"with what policies demand (p) the plan (built-in) cannot be followed"},
		"a metric that is none": {named(func(s *v1alpha1.CanaryPolicySpec) {
			s.Metrics = []v1alpha1.Metric{{Name: "m", Query: "sum("}}
		}), 0, "cannot be followed, until then the update stays held"},
	} {
		t.Run(name, func(t *testing.T) {
			got := BuiltIn().Bounded(tc.demands, 2)
			if len(got.Changes) != tc.changes || (got.Reason == "") != (tc.says == "") || !strings.Contains(got.Message, tc.says) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
