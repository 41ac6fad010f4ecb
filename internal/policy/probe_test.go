package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Policies say whether there is a sidecar that measures requests, and what it may have.
func TestPoliciesBoundTheProbe(t *testing.T) {
	for name, tc := range map[string]struct {
		plan, limits string
		want         string // the probe
		changes      []string
	}{
		"nothing is said":   {"{}", "{}", `{resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}}`, nil},
		"it is allowed":     {"{}", "{probe: Allowed}", `{resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}}`, nil},
		"it is not allowed": {"{}", "{probe: None}", "null", []string{"probe: a sidecar, none"}},
		"less than it has by itself": {"{}", "{maxProbeResources: {cpu: 5m, memory: 64Mi}}",
			`{resources: {requests: {cpu: 5m, memory: 32Mi}, limits: {cpu: 5m, memory: 64Mi}}}`,
			[]string{"probe.resources.requests.cpu: 10m, 5m", "probe.resources.limits.cpu: , 5m", "probe.resources.limits.memory: 128Mi, 64Mi"}},
		"less than it asks for": {"{resources: {requests: {memory: 1Gi}}}", "{maxProbeResources: {memory: 512Mi}}",
			`{resources: {requests: {cpu: 10m, memory: 512Mi}, limits: {memory: 512Mi}}}`,
			[]string{"probe.resources.requests.memory: 1Gi, 512Mi", "probe.resources.limits.memory: 1Gi, 512Mi"}},
	} {
		t.Run(name, func(t *testing.T) {
			var plan v1alpha1.CanaryPlanSpec
			var limits v1alpha1.CanaryPolicy
			limits.Name = "p"
			var want *v1alpha1.Probe
			for text, into := range map[string]any{"probe: " + tc.plan: &plan, "spec: {limits: " + tc.limits + "}": &limits, tc.want: &want} {
				if err := yaml.Unmarshal([]byte(text), into); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
			plan.SetDefaults()
			got, changes := Combine([]v1alpha1.CanaryPolicy{limits}).Apply(plan, 3)
			if diff := cmp.Diff(want, got.Probe); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var said []string
			for _, c := range changes {
				said = append(said, c.Field+": "+c.From+", "+c.To)
			}
			if diff := cmp.Diff(tc.changes, said); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}
