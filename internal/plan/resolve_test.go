package plan

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestResolve(t *testing.T) {
	names := func(plan string) map[string]string { return map[string]string{v1alpha1.PlanAnnotation: plan} }
	withPeriod := map[string]string{v1alpha1.PeriodAnnotation: "1m", v1alpha1.PlanAnnotation: "strict"}
	bad := &v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{{Name: "m", Query: "up{"}}}}
	for name, tc := range map[string]struct {
		deployment, namespace map[string]string
		plans                 map[string]*v1alpha1.CanaryPlanSpec
		source, reason, says  string
	}{
		"nothing is said":                       {nil, nil, nil, "built-in", "", ""},
		"a default plan":                        {nil, nil, map[string]*v1alpha1.CanaryPlanSpec{"default": {}}, "CanaryPlan default", "", ""},
		"the namespace names one":               {nil, names("strict"), map[string]*v1alpha1.CanaryPlanSpec{"default": {}, "strict": {}}, "CanaryPlan strict", "", ""},
		"the Deployment names another":          {names("loose"), names("strict"), map[string]*v1alpha1.CanaryPlanSpec{"loose": {}, "strict": {}}, "CanaryPlan loose", "", ""},
		"annotations are a plan":                {withPeriod, names("strict"), nil, "annotations of the Deployment", "", ""},
		"the plan of the Deployment is missing": {names("none"), names("strict"), map[string]*v1alpha1.CanaryPlanSpec{"strict": {}}, "", "PlanNotFound", `the Deployment names CanaryPlan "none", which does not exist`},
		"the plan of the namespace is missing":  {nil, names("none"), nil, "", "PlanNotFound", "the namespace names"},
		"a bad query":                           {names("bad"), nil, map[string]*v1alpha1.CanaryPlanSpec{"bad": bad}, "", "PlanInvalid", "line 1, column 4"},
		"bad annotations":                       {map[string]string{v1alpha1.PeriodAnnotation: "x"}, nil, nil, "", "PlanInvalid", "line 1, column 1"},
	} {
		t.Run(name, func(t *testing.T) {
			var found Found
			if name := NameFor(tc.deployment, tc.namespace); tc.plans[name] != nil {
				found = Found{Spec: tc.plans[name], Source: "CanaryPlan " + name}
			}
			got := Resolve(tc.deployment, tc.namespace, found)
			if got.Source != tc.source || got.Reason != tc.reason || !strings.Contains(got.Message, tc.says) {
				t.Errorf("got %+v", got)
			}
			if got.Reason == "" && got.Spec.Analysis.Interval == nil {
				t.Error("defaults are not set")
			}
		})
	}
	if tc := *bad; tc.Analysis.Interval != nil {
		t.Error("Resolve changed the plan it was given")
	}
}
