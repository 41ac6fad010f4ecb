package precheck

import (
	"strings"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/surround"
)

func TestUnmeasured(t *testing.T) {
	const web = "{containers: [{name: web, ports: [{name: http, containerPort: 8080}, {containerPort: 9000}]}]}"
	selects := map[string]string{"app": "web"}
	byName := surround.Service{Name: "by-name", Selector: selects, Ports: []string{"http"}}
	byNumber := surround.Service{Name: "by-number", Selector: selects, Ports: []string{""}, Numbers: []int32{8080}}
	other := surround.Service{Name: "other", Selector: map[string]string{"app": "other"}, Ports: []string{""}, Numbers: []int32{8080}}
	elsewhere := surround.Service{Name: "elsewhere", Selector: selects, Ports: []string{""}, Numbers: []int32{9000}}
	for name, tc := range map[string]struct {
		spec     string
		asked    v1alpha1.Probe
		services []surround.Service
		behind   bool
		want     []string // parts of what is told, in order
	}{
		"by name":                        {spec: web, services: []surround.Service{byName, other, elsewhere}, behind: true},
		"by number":                      {spec: web, services: []surround.Service{byName, byNumber}, behind: true, want: []string{"Service by-number sends requests to port 8080 by its number"}},
		"redirected":                     {spec: web, asked: v1alpha1.Probe{Capture: v1alpha1.ProbeByRedirect}, services: []surround.Service{byNumber, elsewhere}, behind: true},
		"by number, by its own Services": {spec: web, services: []surround.Service{byNumber}},
		"a port that is not there":       {spec: web, asked: v1alpha1.Probe{Ports: []v1alpha1.ProbePort{{Name: "http"}, {Name: "grpc"}}}, want: []string{`no container has a port that is named "grpc"`}},
		"the network of the node":        {spec: "{hostNetwork: true, containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}", want: []string{"runs without the probe that the plan asks for, and its requests are not measured: spec.template.spec.hostNetwork"}},
		"a clash of names":               {spec: "{containers: [{name: holdfast-probe, ports: [{name: http, containerPort: 8080}]}]}", want: []string{"spec.template.spec.containers[0].name"}},
		"a clash with an init container": {spec: "{initContainers: [{name: holdfast-probe}], containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}", want: []string{"spec.template.spec.initContainers[0].name"}},
		"only numbers":                   {spec: "{containers: [{name: web, ports: [{containerPort: 8080}]}]}", services: []surround.Service{byNumber}, behind: true, want: []string{"(8080) has no name"}},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := yaml.YAMLToJSON([]byte("{metadata: {labels: {app: web}}, spec: " + tc.spec + "}"))
			if err != nil {
				t.Fatal(err)
			}
			var template hold.Template
			if err := utiljson.Unmarshal(data, &template); err != nil {
				t.Fatal(err)
			}
			got := Unmeasured(template, tc.asked, tc.services, tc.behind)
			if len(got) != len(tc.want) {
				t.Fatalf("told %q, want %q", got, tc.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tc.want[i]) {
					t.Errorf("told %q, want %q in it", got[i], tc.want[i])
				}
			}
		})
	}
}
