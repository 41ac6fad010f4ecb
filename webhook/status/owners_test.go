package status

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAWriteThatComesToNothingLeavesTheObject: not even times and order of its owners
// change, or it would be a new version of the object.
func TestAWriteThatComesToNothingLeavesTheObject(t *testing.T) {
	const (
		counted   = `{f:status: {f:replicas: {}, f:updatedReplicas: {}}}`
		uncounted = `{f:status: {f:replicas: {}}}`
	)
	user := func(second int) string {
		return fmt.Sprintf(`{manager: kubectl-replace, operation: Update, time: "2026-03-01T12:00:%02dZ", fieldsV1: {f:spec: {}}}`, second)
	}
	controller := func(second int, owns string) string {
		return fmt.Sprintf(`{manager: kube-controller-manager, operation: Update, subresource: status, time: "2026-03-01T12:00:%02dZ", fieldsV1: %s}`, second, owns)
	}
	object := func(status, note string, first, second string) string {
		return fmt.Sprintf(`
metadata:
  resourceVersion: "8"
  generation: 5
  annotations: {holdfast.dev/held: sealed, note: %s}
  managedFields: [%s, %s]
spec: {replicas: 2}
status: %s
`, note, first, second, status)
	}
	const (
		hidden   = `{observedGeneration: 5, replicas: 2, availableReplicas: 2}`
		complete = `{observedGeneration: 5, replicas: 2, updatedReplicas: 2, availableReplicas: 2}`
		scaled   = `{observedGeneration: 5, replicas: 3, updatedReplicas: 2, availableReplicas: 2}`
	)
	before := object(hidden, "a", controller(1, counted), user(1))
	for sentence, c := range map[string]struct {
		sent string
		kept bool
	}{
		"the status is hidden again":                     {object(complete, "a", user(1), controller(2, counted)), true},
		"in the second of the write before":              {object(complete, "a", controller(1, counted), user(1)), true},
		"another status is stored":                       {object(scaled, "a", user(1), controller(2, counted)), false},
		"an annotation of somebody else's is stored":     {object(complete, "b", user(1), controller(2, counted)), false},
		"an annotation of Holdfast's is taken off again": {object(hidden, "a, holdfast.dev/failed: b", user(1), controller(2, counted)), true},
		"the writer owns something else":                 {object(complete, "a", user(1), controller(2, uncounted)), false},
	} {
		t.Run(sentence, func(t *testing.T) {
			h := statusHandler()
			got, want := written(t, h, before, c.sent), written(t, h, before, before)
			same := cmp.Equal(want, got)
			if same != c.kept {
				t.Errorf("the object is as it was: %v, want %v (-before +got):\n%s", same, c.kept, cmp.Diff(want, got))
			}
		})
	}
}
