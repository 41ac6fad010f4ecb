package objects

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestTheConditionOfAnOlderSpecSaysNothing(t *testing.T) {
	for name, c := range map[string]struct{ object, want string }{
		"the rollout is stuck": {`
metadata: {generation: 5}
status: {observedGeneration: 5, conditions: [{type: Progressing, reason: ProgressDeadlineExceeded, message: timed out}]}`, "ProgressDeadlineExceeded"},
		"the one before was": {`
metadata: {generation: 6}
status: {observedGeneration: 5, conditions: [{type: Progressing, reason: ProgressDeadlineExceeded, message: timed out}]}`, ""},
		"it is stuck while an update is held, and its generation is held back": {`
metadata: {generation: 6, annotations: {holdfast.dev/held: x}}
status: {observedGeneration: 5, conditions: [{type: Progressing, reason: ProgressDeadlineExceeded, message: timed out}]}`, "ProgressDeadlineExceeded"},
		"an update was rejected": {`
metadata: {generation: 5}
status: {observedGeneration: 5, conditions: [{type: Progressing, reason: ProgressDeadlineExceeded, message: "canary run web-1 rejected the update: crashed"}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readDeployment(t, c.object).Progressing(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// readDeployment reads what of a Deployment stands below its kind, in YAML.
func readDeployment(t *testing.T, text string) Deployment {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte("apiVersion: apps/v1\nkind: Deployment" + text))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return Deployment{u}
}
