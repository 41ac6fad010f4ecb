package query

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestWhatIsWrongWithAProbe(t *testing.T) {
	for text, want := range map[string]string{
		"{}": "",
		"{ports: [{name: http}, {name: db, protocol: TCP}], resources: {requests: {cpu: 20m}, limits: {memory: 64Mi}}}": "",
		"{ports: [{name: http}, {name: http}]}":                            "probe.ports[1].name",
		"{capture: Redirect, ports: [{name: http}, {name: \"8080\"}]}":     "",
		"{ports: [{name: \"8080\"}]}":                                      "probe.ports[0].name",
		"{capture: Redirect, ports: [{name: \"0\"}]}":                      "probe.ports[0].name",
		"{capture: Redirect, ports: [{name: \"15190\"}]}":                  "probe.ports[0].name",
		"{capture: Mirror}":                                                "probe.capture",
		"{ports: [{name: HTTP}]}":                                          "probe.ports[0].name",
		"{ports: [{name: http, protocol: UDP}]}":                           "probe.ports[0].protocol",
		"{resources: {requests: {cpu: 0}}}":                                "probe.resources.requests.cpu",
		"{resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}}":    "probe.resources.requests.memory",
		"{ports: [" + strings.Repeat("{name: http}, ", 8) + "{name: h2}]}": "probe.ports",
	} {
		var spec v1alpha1.CanaryPlanSpec
		if err := yaml.Unmarshal([]byte("probe: "+text), &spec); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		spec.SetDefaults()
		errs := ValidatePlan(&spec, field.NewPath("spec"))
		got := ""
		if len(errs) > 0 {
			got = strings.TrimPrefix(errs[0].Field, "spec.")
		}
		if got != want {
			t.Errorf("%s: got %v, want a mistake in %q", text, errs, want)
		}
	}
}
