package deployment

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/deployment/decide"
)

// TestWhatAProbeWillNotSeeIsToldToWhoHasAnUpdateHeld, where the plan asks for one and no policy forbids it.
func TestWhatAProbeWillNotSeeIsToldToWhoHasAnUpdateHeld(t *testing.T) {
	probe := &v1alpha1.Probe{}
	measured := &v1alpha1.CanaryPlanSpec{Probe: probe}
	apart := &v1alpha1.CanaryPlanSpec{Probe: probe, Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficCanaryService}}
	both := &v1alpha1.CanaryPlanSpec{Probe: probe, Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficBoth}}
	none := policy.Effective{Probe: policy.Bound[v1alpha1.ProbeLimit]{Value: v1alpha1.ProbeNone, Policy: "p"}}
	behind := policy.Effective{Sources: []policy.Bound[[]v1alpha1.TrafficSource]{{Value: []v1alpha1.TrafficSource{v1alpha1.TrafficService}, Policy: "p"}}}
	redirected := &v1alpha1.CanaryPlanSpec{Probe: &v1alpha1.Probe{Capture: v1alpha1.ProbeByRedirect}}
	redirects := policy.Effective{ProbeCapture: policy.Bound[v1alpha1.ProbeCapture]{Value: v1alpha1.ProbeByRedirect, Policy: "p"}}
	for sentence, tc := range map[string]struct {
		plan     *v1alpha1.CanaryPlanSpec
		policies policy.Effective
		effect   decide.Effect
		noImage  bool
		security string
		mesh     string
		told     string // "" for nothing
	}{
		"a Service by number":                       {plan: measured, effect: decide.Hold, told: "by its number"},
		"a plan whose metrics ask a probe":          {plan: &v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Source: v1alpha1.SourceProbe, Metrics: []v1alpha1.Metric{{Name: "success", Expect: "success >= 99%"}}}}, effect: decide.Hold, told: "by its number"},
		"what is held already":                      {plan: measured, effect: decide.Keep},
		"a plan without a probe":                    {plan: &v1alpha1.CanaryPlanSpec{}, effect: decide.Hold},
		"no plan":                                   {effect: decide.Hold},
		"a policy takes it off":                     {plan: measured, policies: none, effect: decide.Hold},
		"Services of its own":                       {plan: apart, effect: decide.Hold},
		"Services of its own, and the Deployment's": {plan: both, effect: decide.Hold, told: "by its number"},
		"a policy puts it behind the Deployment's":  {plan: apart, policies: behind, effect: decide.Hold, told: "by its number"},
		"it is redirected":                          {plan: redirected, policies: redirects, effect: decide.Hold},
		"no policy allows it":                       {plan: redirected, effect: decide.Hold, told: "the update stays held, and no canary is made: spec.probe.capture"},
		"Pod Security forbids it":                   {plan: redirected, policies: redirects, security: "restricted", effect: decide.Hold, told: "pod-security.kubernetes.io/enforce: restricted"},
		"a mesh takes the requests first":           {plan: redirected, policies: redirects, mesh: "enabled", effect: decide.Hold, told: "the namespace is labelled istio-injection: enabled, so a mesh takes the requests"},
		"a mesh, and requests by names":             {plan: apart, mesh: "enabled", effect: decide.Hold},
		"the image is not known":                    {plan: measured, effect: decide.Hold, noImage: true, told: "--probe-image"},
	} {
		t.Run(sentence, func(t *testing.T) {
			services := []surround.Service{{Name: "web", Selector: map[string]string{"app": "web"}, Ports: []string{""}, Numbers: []int32{8080}}}
			r := &request{plan: tc.plan, demands: demand.Demands{Effective: tc.policies, NamespaceLabels: map[string]string{"pod-security.kubernetes.io/enforce": tc.security, "istio-injection": tc.mesh}}, errands: &errands{around: around{services: func() []surround.Service { return services }}}}
			w := wanted{template: hold.Template{
				"metadata": map[string]any{"labels": map[string]any{"app": "web"}},
				"spec": map[string]any{"containers": []any{map[string]any{"name": "web", "ports": []any{
					map[string]any{"name": "http", "containerPort": int64(8080)},
				}}}},
			}}
			said := strings.Join((&Handler{Probes: !tc.noImage}).tellUnmeasured(t.Context(), r, w, decide.Decision{Effect: tc.effect}), "; ")
			if (said != "") != (tc.told != "") || !strings.Contains(said, tc.told) {
				t.Errorf("told %q, want %q in it", said, tc.told)
			}
		})
	}
}
