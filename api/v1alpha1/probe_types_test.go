package v1alpha1

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

func amount(text string) *resource.Quantity {
	if text == "" {
		return nil
	}
	return new(resource.MustParse(text))
}

// What a probe does not say of its resources has a default that fits to what it says.
func TestResourcesOfAProbe(t *testing.T) {
	type said struct{ cpu, memory, maxCPU, maxMemory string }
	for name, tc := range map[string]struct{ said, want said }{
		"nothing":                   {said{}, said{"10m", "32Mi", "", "128Mi"}},
		"a small limit":             {said{maxCPU: "5m", maxMemory: "20Mi"}, said{"5m", "20Mi", "5m", "20Mi"}},
		"a large request":           {said{cpu: "2", memory: "1Gi"}, said{"2", "1Gi", "", "1Gi"}},
		"everything":                {said{"1m", "1Mi", "2m", "2Mi"}, said{"1m", "1Mi", "2m", "2Mi"}},
		"more than there may be is": {said{memory: "2Gi", maxMemory: "1Gi"}, said{"10m", "2Gi", "", "1Gi"}}, // told by the validation of plans
	} {
		t.Run(name, func(t *testing.T) {
			spec := CanaryPlanSpec{Probe: &Probe{Ports: []ProbePort{{Name: "http"}}, Resources: ProbeResources{
				Requests: ProbeAmounts{CPU: amount(tc.said.cpu), Memory: amount(tc.said.memory)},
				Limits:   ProbeAmounts{CPU: amount(tc.said.maxCPU), Memory: amount(tc.said.maxMemory)},
			}}}
			spec.SetDefaults()
			text := func(q *resource.Quantity) string {
				if q == nil {
					return ""
				}
				return q.String()
			}
			r := spec.Probe.Resources
			if got := (said{text(r.Requests.CPU), text(r.Requests.Memory), text(r.Limits.CPU), text(r.Limits.Memory)}); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if got := spec.Probe.Ports[0].Protocol; got != ProbeAuto {
				t.Errorf("the protocol is %q", got)
			}
		})
	}
}
