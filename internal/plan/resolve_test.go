package plan

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestResolve(t *testing.T) {
	names := func(plan string) map[string]string { return map[string]string{v1alpha1.PlanAnnotation: plan} }
	beside := func(said string) map[string]string { return map[string]string{v1alpha1.BesideRecreateAnnotation: said} }
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
	for name, tc := range map[string]struct {
		deployment map[string]string
		plan       *v1alpha1.CanaryPlanSpec
		want       bool
	}{
		"nobody asks":                      {nil, nil, false},
		"the plan does":                    {nil, &v1alpha1.CanaryPlanSpec{BesideRecreate: true}, true},
		"the annotation does, without one": {beside("true"), nil, true},
		"and against one":                  {beside("true"), &v1alpha1.CanaryPlanSpec{}, true},
		"it forbids what the plan asks":    {beside("false"), &v1alpha1.CanaryPlanSpec{BesideRecreate: true}, false},
		"beside a plan in annotations":     {map[string]string{v1alpha1.PeriodAnnotation: "1m", v1alpha1.BesideRecreateAnnotation: "true"}, nil, true},
		"a plan in annotations does not":   {withPeriod, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			found := Found{Spec: tc.plan, Source: "CanaryPlan x"}
			if got := Resolve(tc.deployment, nil, found); got.Spec.BesideRecreate != tc.want || got.Reason != "" {
				t.Errorf("resolved: %+v", got)
			}
			if BesideRecreate(tc.deployment, found) != tc.want {
				t.Error("the webhook would see it otherwise")
			}
		})
	}
	if got := Resolve(beside("yes"), nil, Found{}); got.Reason != v1alpha1.ReasonPlanInvalid || !strings.Contains(got.Message, "beside-recreate") {
		t.Errorf("a word that is none: %+v", got)
	}
	if tc := *bad; tc.Analysis.Interval != nil {
		t.Error("Resolve changed the plan it was given")
	}
}
