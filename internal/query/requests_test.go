package query

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestValidateWhichRequestsMatch(t *testing.T) {
	type match = v1alpha1.RequestMatch
	header := func(name, value string) v1alpha1.HeaderMatch { return v1alpha1.HeaderMatch{Name: name, Value: value} }
	weighted := func(m *match) *v1alpha1.CanaryPlanSpec {
		return &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted, Match: m}}
	}
	for name, tc := range map[string]struct {
		spec *v1alpha1.CanaryPlanSpec
		want string
	}{
		"a header, and no weight": {weighted(&match{Headers: []v1alpha1.HeaderMatch{header("X-Canary", "always")}}), ""},
		"a cookie":                {weighted(&match{Cookie: &v1alpha1.CookieMatch{Name: "beta", Value: "1"}}), ""},
		"one in each step": {&v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted},
			Steps: []v1alpha1.Step{{Match: &match{Headers: []v1alpha1.HeaderMatch{header("A", "1")}}}, {Weight: new(int32(5))}}}, ""},
		"a step without either": {&v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted},
			Steps: []v1alpha1.Step{{Match: &match{Headers: []v1alpha1.HeaderMatch{header("A", "1")}}}, {}}},
			"spec.steps[1].weight: Required value: a canary that routes give its requests needs a share or a match, here or in traffic"},
		"of another source": {&v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficBoth, Match: &match{Headers: []v1alpha1.HeaderMatch{header("A", "1")}}}},
			"spec.traffic.match: Forbidden: is for traffic.source Weighted; set that, or take it off"},
		"nothing":               {weighted(&match{}), "spec.traffic.match: Required value: needs headers or a cookie, or it would match all requests"},
		"a name that none is":   {weighted(&match{Headers: []v1alpha1.HeaderMatch{header("X Canary", "always")}}), "spec.traffic.match.headers[0].name: Invalid value: \"X Canary\": must be a name"},
		"one name twice":        {weighted(&match{Headers: []v1alpha1.HeaderMatch{header("A", "1"), header("a", "2")}}), "spec.traffic.match.headers[1].name: Duplicate value: \"a\""},
		"the header of cookies": {weighted(&match{Headers: []v1alpha1.HeaderMatch{header("cookie", "1")}, Cookie: &v1alpha1.CookieMatch{Name: "beta", Value: "1"}}), "spec.traffic.match.headers[0]: Forbidden: cookie is asked for by the header Cookie"},
		"no value":              {weighted(&match{Headers: []v1alpha1.HeaderMatch{header("A", "")}}), "spec.traffic.match.headers[0].value: Invalid value"},
		"a cookie that none is": {weighted(&match{Cookie: &v1alpha1.CookieMatch{Name: "beta", Value: "1; a=b"}}), "spec.traffic.match.cookie.value: Invalid value"},
		"a type that none is":   {weighted(&match{Headers: []v1alpha1.HeaderMatch{{Name: "A", Value: "1", Type: "Prefix"}}}), "spec.traffic.match.headers[0].type: Unsupported value"},
		"too many":              {weighted(&match{Headers: []v1alpha1.HeaderMatch{header("a", "1"), header("b", "1"), header("c", "1"), header("d", "1"), header("e", "1"), header("f", "1"), header("g", "1"), header("h", "1"), header("i", "1")}}), "spec.traffic.match.headers: Too many"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.spec.SetDefaults()
			err := ValidatePlan(tc.spec, field.NewPath("spec")).ToAggregate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.HasPrefix(strings.Trim(err.Error(), "["), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestValidateAnIncrement(t *testing.T) {
	n := func(n int32) *int32 { return &n }
	type traffic = v1alpha1.Traffic
	for name, tc := range map[string]struct {
		traffic traffic
		steps   []v1alpha1.Step
		want    string
	}{
		"steps of 10":               {traffic{Increment: n(10), Maximum: n(50)}, nil, ""},
		"no maximum":                {traffic{Increment: n(10)}, nil, "spec.traffic.maximum: Required value: increment is the weight of the first step"},
		"no increment":              {traffic{Maximum: n(10)}, nil, "spec.traffic.increment: Required value: maximum is the weight of the last step"},
		"a weight too":              {traffic{Increment: n(10), Maximum: n(50), Weight: n(5)}, nil, "spec.traffic.weight: Forbidden: increment says the weight of each step"},
		"more steps than there are": {traffic{Increment: n(3), Maximum: n(50)}, nil, "spec.traffic.maximum: Invalid value: 50: must be a percentage from increment (3) to 16 times that: a plan has 16 steps at most"},
		"less than the first":       {traffic{Increment: n(10), Maximum: n(5)}, nil, "spec.traffic.maximum: Invalid value: 5"},
		"no percentage":             {traffic{Increment: n(0), Maximum: n(5)}, nil, "spec.traffic.increment: Invalid value: 0"},
		"steps of its own":          {traffic{Increment: n(10), Maximum: n(50)}, []v1alpha1.Step{{Weight: n(5)}}, "spec.traffic.increment: Forbidden: is short for steps, and the plan has some"},
		"of another source":         {traffic{Source: v1alpha1.TrafficBoth, Increment: n(10), Maximum: n(50)}, nil, "spec.traffic.increment: Forbidden: is for traffic.source Weighted"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.traffic.Source == "" {
				tc.traffic.Source = v1alpha1.TrafficWeighted
			}
			spec := &v1alpha1.CanaryPlanSpec{Traffic: &tc.traffic, Steps: tc.steps}
			spec.SetDefaults()
			err := ValidatePlan(spec, field.NewPath("spec")).ToAggregate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.HasPrefix(strings.Trim(err.Error(), "["), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}
