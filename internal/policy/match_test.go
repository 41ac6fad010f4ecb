package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func matchOf(plan v1alpha1.CanaryPlanSpec) *v1alpha1.RequestMatch {
	if plan.Traffic == nil {
		return nil
	}
	return plan.Traffic.Match
}

func TestWhatPlansMayMatchByIsBounded(t *testing.T) {
	byHeader := &v1alpha1.RequestMatch{Headers: []v1alpha1.HeaderMatch{{Name: "X-Canary", Type: v1alpha1.HeaderExact, Value: "always"}}}
	byCookie := &v1alpha1.RequestMatch{Cookie: &v1alpha1.CookieMatch{Name: "beta", Value: "1"}}
	type said struct {
		Weight int32
		Match  *v1alpha1.RequestMatch
	}
	for name, tc := range map[string]struct {
		limits  []v1alpha1.RequestMatchLimit
		steps   []v1alpha1.Step
		want    []said
		changes []string
	}{
		"nothing is said":    {nil, []v1alpha1.Step{{Match: byCookie}}, []said{{0, byCookie}}, nil},
		"anything":           {[]v1alpha1.RequestMatchLimit{v1alpha1.RequestMatchAny}, []v1alpha1.Step{{Match: byCookie}}, []said{{0, byCookie}}, nil},
		"headers of a value": {[]v1alpha1.RequestMatchLimit{v1alpha1.RequestMatchExact}, []v1alpha1.Step{{Match: byHeader}, {Match: byCookie}}, []said{{0, byHeader}, {1, nil}}, []string{"steps[1].match", "steps[1].weight"}},
		"the strictest counts": {[]v1alpha1.RequestMatchLimit{v1alpha1.RequestMatchExact, v1alpha1.RequestMatchNone, v1alpha1.RequestMatchAny}, []v1alpha1.Step{{Match: byHeader}, {Match: byHeader, Weight: new(int32(20))}},
			[]said{{1, nil}, {20, nil}}, []string{"steps[0].match", "steps[0].weight", "steps[1].match"}},
	} {
		t.Run(name, func(t *testing.T) {
			var policies []v1alpha1.CanaryPolicy
			for i, limit := range tc.limits {
				p := v1alpha1.CanaryPolicy{}
				p.Name = string(rune('a' + i))
				p.Spec.Limits.RequestMatch = limit
				policies = append(policies, p)
			}
			plan := v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted}, Steps: tc.steps}
			plan.SetDefaults()
			got, changes := Combine(policies).Apply(plan, 10)
			var is []said
			for _, step := range got.Steps {
				s := said{Match: step.Match}
				if step.Weight != nil {
					s.Weight = *step.Weight
				}
				is = append(is, s)
			}
			if diff := cmp.Diff(tc.want, is); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			var fields []string
			for _, c := range changes {
				fields = append(fields, c.Field)
			}
			if diff := cmp.Diff(tc.changes, fields); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPlanWithoutStepsKeepsAWeight(t *testing.T) {
	plan := v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted, Match: &v1alpha1.RequestMatch{Cookie: &v1alpha1.CookieMatch{Name: "beta", Value: "1"}}}}
	plan.SetDefaults()
	p := v1alpha1.CanaryPolicy{}
	p.Name, p.Spec.Limits.RequestMatch = "p", v1alpha1.RequestMatchNone
	got, _ := Combine([]v1alpha1.CanaryPolicy{p}).Apply(plan, 10)
	if got.Traffic.Match != nil || got.Traffic.Weight == nil || *got.Traffic.Weight != 1 {
		t.Errorf("traffic is %+v", got.Traffic)
	}
}
