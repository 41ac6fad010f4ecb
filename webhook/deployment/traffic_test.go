package deployment

import (
	"context"
	"errors"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/deployment/decide"
)

type routesStub struct {
	why   string
	err   error
	asked int
	plan  *v1alpha1.CanaryPlanSpec
}

func (r *routesStub) Doubt(_ context.Context, _, _ string, plan *v1alpha1.CanaryPlanSpec, _ map[string]string) (string, error) {
	r.asked++
	r.plan = plan
	return r.why, r.err
}

// TestWhatSpeaksAgainstAShareIsToldToWhoHasAnUpdateHeld, where the plan asks for one and no policy forbids
// it.
func TestWhatSpeaksAgainstAShareIsToldToWhoHasAnUpdateHeld(t *testing.T) {
	weighted := &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted}}
	forbidden := policy.Effective{Sources: []policy.Bound[[]v1alpha1.TrafficSource]{{Value: []v1alpha1.TrafficSource{v1alpha1.TrafficService}, Policy: "p"}}}
	for sentence, tc := range map[string]struct {
		plan     *v1alpha1.CanaryPlanSpec
		policies policy.Effective
		effect   decide.Effect
		err      error
		asked    int
		told     bool
	}{
		"a share by routes":           {plan: weighted, effect: decide.Hold, asked: 1, told: true},
		"what cannot be read":         {plan: weighted, effect: decide.Hold, asked: 1, err: errors.New("down")},
		"what is held already":        {plan: weighted, effect: decide.Keep},
		"a Service of its own":        {plan: &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficCanaryService}}, effect: decide.Hold, asked: 1, told: true},
		"no requests":                 {plan: &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficNone}}, effect: decide.Hold},
		"a share by number":           {plan: &v1alpha1.CanaryPlanSpec{}, effect: decide.Hold},
		"no plan":                     {effect: decide.Hold},
		"what a policy does not have": {plan: weighted, policies: forbidden, effect: decide.Hold},
	} {
		t.Run(sentence, func(t *testing.T) {
			routes := &routesStub{why: "no route", err: tc.err}
			r := &request{plan: tc.plan, demands: demand.Demands{Effective: tc.policies}}
			said := (&Handler{Routes: routes}).tellRoutes(t.Context(), r, decide.Decision{Effect: tc.effect})
			if routes.asked != tc.asked || (len(said) == 1) != tc.told || tc.told && !strings.Contains(said[0], "may not get its requests: no route") {
				t.Errorf("asked %d times, told %q", routes.asked, said)
			}
		})
	}
}

// TestWhatAPolicyTakesOffIsNotDoubted: the routes are asked for the plan as the run will have it.
func TestWhatAPolicyTakesOffIsNotDoubted(t *testing.T) {
	routes := &routesStub{}
	most := int32(5)
	bounds := policy.Effective{
		RequestMatch: policy.Bound[v1alpha1.RequestMatchLimit]{Value: v1alpha1.RequestMatchNone, Policy: "p"},
		MaxWeight:    policy.Bound[int32]{Value: most, Policy: "p"},
	}
	asked := &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{
		Source: v1alpha1.TrafficWeighted, Weight: new(int32(50)), Match: &v1alpha1.RequestMatch{Headers: []v1alpha1.HeaderMatch{{Name: "x-canary", Value: "1"}}},
	}}
	r := &request{plan: asked, demands: demand.Demands{Effective: bounds}}
	(&Handler{Routes: routes}).tellRoutes(t.Context(), r, decide.Decision{Effect: decide.Hold})
	if routes.plan == nil || routes.plan.Traffic.Match != nil || *routes.plan.Traffic.Weight != most {
		t.Errorf("the routes were asked for %+v", routes.plan)
	}
	if asked.Traffic.Match == nil || *asked.Traffic.Weight != 50 {
		t.Error("the plan was changed")
	}
}
