package plan

import (
	"math"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestTooShort(t *testing.T) {
	for name, tc := range map[string]struct {
		spec     string
		minReady time.Duration
		says     string
	}{
		"nothing is said":                   {"{}", 0, ""},
		"longer than can be told":           {"{steps: [{replicas: 1}, {replicas: 2}, {replicas: 3}, {replicas: 4}, {replicas: 5}]}", math.MaxInt32 * time.Second, "in 5 steps"},
		"long enough":                       {"{deadline: 16m, analysis: {period: 5m}}", 10 * time.Minute, ""},
		"just too short":                    {"{deadline: 15m, analysis: {period: 5m}}", 10 * time.Minute, "(spec.deadline: 15m0s): the canary is measured for 5m0s, and before that its pods have to be Ready for 10m0s (spec.minReadySeconds of the Deployment);"},
		"the deadline of who says none":     {"{steps: [{podShare: 10, period: 1m}]}", 23 * time.Hour, ""},
		"which minReadySeconds may exceed":  {"{steps: [{podShare: 10, period: 1m}]}", 24 * time.Hour, "(spec.deadline: 24h0m0s)"},
		"each step that has new pods waits": {"{deadline: 1h, steps: [{replicas: 1, period: 1m}, {replicas: 2, period: 1m}, {replicas: 2, period: 1m}, {podShare: 50, period: 1m}]}", 20 * time.Minute, "Ready for 20m0s (spec.minReadySeconds of the Deployment, in 3 steps)"},
		"and no other does":                 {"{deadline: 1h, steps: [{replicas: 2, period: 1m}, {replicas: 2, period: 1m}, {replicas: 1, period: 1m}]}", 20 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var spec v1alpha1.CanaryPlanSpec
			if err := yaml.UnmarshalStrict([]byte(tc.spec), &spec); err != nil {
				t.Fatal(err)
			}
			if got := TooShort(spec, tc.minReady, 10); (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) {
				t.Errorf("got %q, want %q in it", got, tc.says)
			}
		})
	}
}
