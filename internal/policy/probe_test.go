package policy

import (
	"strings"
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
		"nothing is said":   {"{}", "{}", `{capture: Name, resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}}`, nil},
		"it is allowed":     {"{}", "{probe: Allowed}", `{capture: Name, resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}}`, nil},
		"it is not allowed": {"{}", "{probe: None}", "null", []string{"probe: a sidecar, none"}},
		"less than it has by itself": {"{}", "{maxProbeResources: {cpu: 5m, memory: 64Mi}}",
			`{capture: Name, resources: {requests: {cpu: 5m, memory: 32Mi}, limits: {cpu: 5m, memory: 64Mi}}}`,
			[]string{"probe.resources.requests.cpu: 10m, 5m", "probe.resources.limits.cpu: , 5m", "probe.resources.limits.memory: 128Mi, 64Mi"}},
		"less than it asks for": {"{resources: {requests: {memory: 1Gi}}}", "{maxProbeResources: {memory: 512Mi}}",
			`{capture: Name, resources: {requests: {cpu: 10m, memory: 512Mi}, limits: {memory: 512Mi}}}`,
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

// TestWhoMayRedirect: rules in the network of pods are for administrators to allow, and of several policies
// the strictest counts.
func TestWhoMayRedirect(t *testing.T) {
	for name, tc := range map[string]struct {
		plan, limits []string
		told         string // "" where it is allowed
	}{
		"no policy":                      {[]string{"{capture: Redirect}"}, nil, "no CanaryPolicy of this namespace allows Redirect (limits.probeCapture)"},
		"a policy that says nothing":     {[]string{"{capture: Redirect}"}, []string{"{}"}, "no CanaryPolicy of this namespace allows Redirect"},
		"one that allows it":             {[]string{"{capture: Redirect}"}, []string{"{}", "{probeCapture: Redirect}"}, ""},
		"one that allows less":           {[]string{"{capture: Redirect}"}, []string{"{probeCapture: Redirect}", "{probeCapture: Name}"}, "CanaryPolicy b allows Name only"},
		"in whatever order":              {[]string{"{capture: Redirect}"}, []string{"{probeCapture: Name}", "{probeCapture: Redirect}"}, "CanaryPolicy a allows Name only"},
		"nobody asks for it":             {[]string{"{capture: Name}", "{}", "null"}, nil, ""},
		"there is to be no probe at all": {[]string{"{capture: Redirect}"}, []string{"{probe: None}"}, ""},
	} {
		var policies []v1alpha1.CanaryPolicy
		for i, text := range tc.limits {
			p := v1alpha1.CanaryPolicy{}
			if err := yaml.Unmarshal([]byte("spec: {limits: "+text+"}"), &p); err != nil {
				t.Fatal(err)
			}
			p.Name = string(rune('a' + i))
			policies = append(policies, p)
		}
		for _, text := range tc.plan {
			var plan v1alpha1.CanaryPlanSpec
			if err := yaml.Unmarshal([]byte("probe: "+text), &plan); err != nil {
				t.Fatal(err)
			}
			plan.SetDefaults()
			demands := Combine(policies)
			applied, _ := demands.Apply(plan, 3)
			if got := demands.CaptureForbidden(&applied); (got != "") != (tc.told != "") || !strings.Contains(got, tc.told) {
				t.Errorf("%s: %q, want %q in it", name, got, tc.told)
			}
		}
	}
}

// TestAMetricThatAsksAProbeMeansOne, be it the plan's or a policy's, and where policies allow none there is
// none.
func TestAMetricThatAsksAProbeMeansOne(t *testing.T) {
	asks := v1alpha1.Metric{Name: "success", Expect: "success >= 99%", Source: v1alpha1.SourceProbe}
	for name, tc := range map[string]struct {
		analysis v1alpha1.Analysis
		policy   v1alpha1.CanaryPolicySpec
		has      bool
	}{
		"a metric of the plan":    {v1alpha1.Analysis{Metrics: []v1alpha1.Metric{asks}}, v1alpha1.CanaryPolicySpec{}, true},
		"the source of the plan":  {v1alpha1.Analysis{Source: v1alpha1.SourceProbe, Metrics: []v1alpha1.Metric{{Name: "success", Expect: "success >= 99%"}}}, v1alpha1.CanaryPolicySpec{}, true},
		"a metric of a policy":    {v1alpha1.Analysis{}, v1alpha1.CanaryPolicySpec{Metrics: []v1alpha1.Metric{asks}}, true},
		"policies allow none":     {v1alpha1.Analysis{Metrics: []v1alpha1.Metric{asks}}, v1alpha1.CanaryPolicySpec{Limits: v1alpha1.PolicyLimits{Probe: v1alpha1.ProbeNone}}, false},
		"another source":          {v1alpha1.Analysis{Metrics: []v1alpha1.Metric{{Name: "success", Expect: "success >= 99%"}}}, v1alpha1.CanaryPolicySpec{}, false},
		"no metric but the pods'": {v1alpha1.Analysis{Source: v1alpha1.SourceProbe}, v1alpha1.CanaryPolicySpec{}, false},
	} {
		plan := v1alpha1.CanaryPlanSpec{Analysis: tc.analysis}
		plan.SetDefaults()
		got, _ := Combine([]v1alpha1.CanaryPolicy{{Spec: tc.policy}}).Apply(plan, 3)
		if (got.Probe != nil) != tc.has {
			t.Errorf("%s: the probe is %+v", name, got.Probe)
		}
	}
}
