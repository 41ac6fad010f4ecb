package room

import (
	"strings"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
)

// pod is a template of one container.
func pod(t *testing.T, spec string) hold.Template {
	t.Helper()
	var raw []byte
	raw, err := yaml.YAMLToJSON([]byte("metadata: {labels: {app: web, tier: front}}\nspec: " + spec))
	if err != nil {
		t.Fatal(err)
	}
	d := workload.Deployment{Object: map[string]any{}}
	d.Object["spec"] = map[string]any{"template": decode(t, raw)}
	return d.Template()
}

func apartBy(term string) string {
	return "{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [" + term + "]}}}"
}

func TestDoubts(t *testing.T) {
	const none, rolling = "{}", "{rollingUpdate: {maxSurge: 1}}"
	port := func(port string) string { return "{containers: [{name: a}, {name: b, ports: [" + port + "]}]}" }
	onHost := func(port string) string {
		return "{hostNetwork: true, containers: [{name: a}, {name: b, ports: [" + port + "]}]}"
	}
	term := func(rest string) string { return apartBy("{topologyKey: kubernetes.io/hostname, " + rest + "}") }
	for name, tc := range map[string]struct {
		strategy, stable, held string
		says                   []string // a part of each
	}{
		"nothing stands in the way": {rolling, none, none, nil},
		"no surge":                  {"{rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}", none, none, []string{"spec.strategy.rollingUpdate.maxSurge is 0, so the Deployment itself never makes a pod more than its 3 replicas"}},
		"a host port": {rolling, port("{hostPort: 80}"), port("{hostPort: 80, protocol: TCP}"),
			[]string{"spec.template.spec.containers[1].ports[0].hostPort (80) is taken on each node where a pod of the Deployment runs"}},
		"a host port of all addresses":           {rolling, port("{hostPort: 80, hostIP: 0.0.0.0}"), port("{hostPort: 80, hostIP: 10.0.0.1}"), []string{"hostPort (80)"}},
		"a host port of another address":         {rolling, port("{hostPort: 80, hostIP: 10.0.0.2}"), port("{hostPort: 80, hostIP: 10.0.0.1}"), nil},
		"a host port of another protocol":        {rolling, port("{hostPort: 80, protocol: UDP}"), port("{hostPort: 80}"), nil},
		"a host port that the update takes off":  {rolling, port("{hostPort: 80}"), port("{containerPort: 80}"), nil},
		"a host port that comes with the update": {rolling, port("{containerPort: 80}"), port("{hostPort: 80}"), nil},
		"another host port":                      {rolling, port("{hostPort: 80}"), port("{hostPort: 81}"), nil},
		"a host port of a sidecar":               {rolling, port("{hostPort: 80}"), "{initContainers: [{restartPolicy: Always, ports: [{hostPort: 80}]}]}", []string{"spec.template.spec.initContainers[0].ports[0].hostPort (80)"}},
		"hostNetwork, by which every port is one": {rolling, onHost("{containerPort: 80}"), onHost("{containerPort: 80}"),
			[]string{"spec.template.spec.containers[1].ports[0].containerPort of a pod with hostNetwork (80) is taken"}},
		"hostNetwork beside a host port":           {rolling, port("{containerPort: 8080, hostPort: 80}"), onHost("{containerPort: 80}"), []string{"containerPort of a pod with hostNetwork (80) is taken"}},
		"hostNetwork with another port":            {rolling, onHost("{containerPort: 80}"), onHost("{containerPort: 81}"), nil},
		"hostNetwork that the update takes off":    {rolling, onHost("{containerPort: 80}"), port("{containerPort: 80}"), nil},
		"a host port of a container that has done": {rolling, port("{hostPort: 80}"), "{initContainers: [{ports: [{hostPort: 80}]}]}", nil},
		"anti-affinity to itself": {rolling, term("labelSelector: {matchLabels: {app: web}}"), term("labelSelector: {matchLabels: {app: web}}"),
			[]string{"spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0] keeps a canary away from each node where"}},
		"of the pods that run alone": {rolling, term("labelSelector: {matchLabels: {app: web}}"), none,
			[]string{"[0] of the pods that run keeps a canary away"}},
		"of the canary alone": {rolling, none, term("labelSelector: {matchExpressions: [{key: tier, operator: Exists}]}"), []string{"[0] keeps a canary away"}},
		"by zone": {rolling, none, apartBy("{topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: web}}}"),
			[]string{"each value of the node label topology.kubernetes.io/zone where"}},
		"within a version":             {rolling, term("labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [pod-template-hash]"), term("labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [pod-template-hash]"), nil},
		"within what both have":        {rolling, none, term("labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [tier, none]"), []string{"keeps a canary away"}},
		"but within what both have":    {rolling, none, term("labelSelector: {matchLabels: {app: web}}, mismatchLabelKeys: [tier]"), nil},
		"to others":                    {rolling, none, term("labelSelector: {matchLabels: {app: batch}}"), nil},
		"to all but canaries":          {rolling, term("labelSelector: {matchLabels: {app: web}, matchExpressions: [{key: canary, operator: DoesNotExist}]}"), none, nil},
		"of another namespace":         {rolling, none, term("namespaces: [other], labelSelector: {matchLabels: {app: web}}"), nil},
		"of namespaces with a label":   {rolling, none, term("namespaceSelector: {matchLabels: {a: b}}, labelSelector: {matchLabels: {app: web}}"), nil},
		"of all namespaces":            {rolling, none, term("namespaceSelector: {}, labelSelector: {matchLabels: {app: web}}"), []string{"keeps a canary away"}},
		"to nothing":                   {rolling, none, term("topologyKey: x"), nil},
		"of another type than it says": {rolling, none, "{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [1, {labelSelector: x}]}}}", nil},
		"all of them": {"{rollingUpdate: {maxSurge: '0%'}}",
			"{containers: [{ports: [{hostPort: 80}]}], affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: web}}}]}}}",
			port("{hostPort: 80}"), []string{"maxSurge", "hostPort", "podAntiAffinity"}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := yaml.YAMLToJSON([]byte("spec: {replicas: 3, strategy: " + tc.strategy + "}"))
			if err != nil {
				t.Fatal(err)
			}
			got := Doubts(workload.Deployment{Object: decode(t, raw)}, pod(t, tc.stable), pod(t, tc.held))
			if len(got) != len(tc.says) {
				t.Fatalf("got %d: %q", len(got), got)
			}
			for i, part := range tc.says {
				if !strings.Contains(got[i], part) {
					t.Errorf("got %q, want %q in it", got[i], part)
				}
			}
		})
	}
	if got := Doubts(workload.Deployment{}, nil, nil); len(got) > 0 {
		t.Errorf("of nothing: %q", got)
	}
}

func decode(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := utiljson.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
