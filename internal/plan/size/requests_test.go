package size

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

func TestWhatAnAutoscalerCannotTell(t *testing.T) {
	const requests, limits = "{name: app, resources: {requests: {cpu: 100m}}}", "{name: app, resources: {limits: {cpu: 1}}}"
	for name, tc := range map[string]struct{ hpa, spec, want string }{
		"requests":                    {"{}", "{containers: [" + requests + "]}", ""},
		"limits":                      {"{}", "{containers: [" + limits + "]}", ""},
		"nothing":                     {"{}", "{containers: [{name: app}]}", "spec.template.spec.containers[0].resources.requests of container app has no cpu"},
		"a container beside":          {"{}", "{containers: [" + requests + ", {name: log}]}", "containers[1].resources.requests of container log"},
		"a native sidecar":            {"{}", "{containers: [" + requests + "], initContainers: [{name: mesh, restartPolicy: Always}]}", "initContainers[0]"},
		"an init container that ends": {"{}", "{containers: [" + requests + "], initContainers: [{name: wait}]}", ""},
		"the pod requests":            {"{}", "{resources: {requests: {cpu: 1}}, containers: [{name: app}]}", ""},
		"the pod requests another":    {"{}", "{resources: {requests: {memory: 1Mi}}, containers: [" + requests + "]}", "spec.template.spec.resources requests no cpu"},
		"by an amount": {
			"{metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 100m}}}]}", "{containers: [{name: app}]}", "",
		},
		"by memory": {
			"{metrics: [{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 80}}}]}", "{containers: [" + requests + "]}", "has no memory",
		},
		"by one container": {
			"{metrics: [{type: ContainerResource, containerResource: {name: cpu, container: app, target: {type: Utilization, averageUtilization: 80}}}]}",
			"{containers: [" + requests + ", {name: log}]}", "",
		},
		"by a container that is not there": {
			"{metrics: [{type: ContainerResource, containerResource: {name: cpu, container: web, target: {type: Utilization, averageUtilization: 80}}}]}",
			"{containers: [" + requests + "]}", "no container web",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var hpa v1alpha1.CanaryHPA
			var template hold.Template
			if err := yaml.UnmarshalStrict([]byte(tc.hpa), &hpa); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal([]byte("spec: "+tc.spec), &template); err != nil {
				t.Fatal(err)
			}
			got := Unscalable(&hpa, template)
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := Unscalable(nil, nil); got != "" {
		t.Errorf("of no autoscaler: %q", got)
	}
}
