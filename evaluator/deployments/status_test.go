package deployments

import (
	"testing"

	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/evaluator/objects"
)

func TestMisleadsTools(t *testing.T) {
	for name, c := range map[string]struct {
		object string
		want   bool
	}{
		"held, and complete": {`
metadata: {generation: 5, annotations: {holdfast.dev/held: x}}
spec: {replicas: 2}
status: {observedGeneration: 5, replicas: 2, updatedReplicas: 2, availableReplicas: 2}`, true},
		"held, and nothing updated": {`
metadata: {generation: 5, annotations: {holdfast.dev/held: x}}
spec: {replicas: 2}
status: {observedGeneration: 5, replicas: 2, availableReplicas: 2}`, false},
		"held, and the stable template is rolled out": {`
metadata: {generation: 5, annotations: {holdfast.dev/held: x}}
spec: {replicas: 2}
status: {observedGeneration: 5, replicas: 2, updatedReplicas: 2, availableReplicas: 1}`, false},
		"held, and the hold is not observed": {`
metadata: {generation: 5, annotations: {holdfast.dev/held: x}}
spec: {replicas: 2}
status: {observedGeneration: 4, replicas: 2, updatedReplicas: 2, availableReplicas: 2}`, false},
		"held, and another update was rejected": {`
metadata: {generation: 5, annotations: {holdfast.dev/held: x}}
spec: {replicas: 2}
status: {observedGeneration: 5, replicas: 3, updatedReplicas: 1, availableReplicas: 2, conditions: [{type: Progressing, message: "canary run web-1 rejected the update: crashed"}]}`, true},
		"held, and scaled to zero": {`
metadata: {generation: 5, annotations: {holdfast.dev/held: x}}
spec: {replicas: 0}
status: {observedGeneration: 5}`, true},
		"failed, and the rollout has not": {`
metadata: {generation: 5, annotations: {holdfast.dev/failed: x}}
status: {observedGeneration: 5, conditions: [{type: Progressing, message: ReplicaSet "web-1" has successfully progressed.}]}`, true},
		"failed, and so has the rollout": {`
metadata: {generation: 5, annotations: {holdfast.dev/failed: x}}
status: {observedGeneration: 5, conditions: [{type: Progressing, message: "canary run web-1 rejected the update: crashed"}]}`, false},
		"neither, and an update was rejected": {`
metadata: {generation: 5}
spec: {replicas: 2}
status: {observedGeneration: 5, replicas: 2, updatedReplicas: 2, availableReplicas: 2, conditions: [{type: Progressing, message: "canary run web-1 rejected the update: crashed"}]}`, true},
		"neither": {`
metadata: {generation: 5}
spec: {replicas: 2}
status: {observedGeneration: 5, replicas: 2, updatedReplicas: 2, availableReplicas: 2}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := misleadsTools(deploymentOf(t, c.object)); got != c.want {
				t.Errorf("misleads tools: %t", got)
			}
		})
	}
}

// deploymentOf reads what of a Deployment stands below its kind, in YAML.
func deploymentOf(t *testing.T, text string) objects.Deployment {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte("apiVersion: apps/v1\nkind: Deployment" + text))
	if err != nil {
		t.Fatal(err)
	}
	d := objects.Deployment{Unstructured: objects.NewDeployment()}
	if err := d.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return d
}
