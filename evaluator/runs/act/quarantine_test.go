package act

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestLabelsThatGo(t *testing.T) {
	got := off(map[string]string{
		"app": "web", v1alpha1.RunLabel: "r", v1alpha1.RoleLabel: "canary", v1alpha1.HashLabel: "h", v1alpha1.QuarantineLabel: "true",
		"pod-template-hash": "h", "canary": "true",
	})
	if diff := cmp.Diff(map[string]any{"app": nil}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, goes := off(map[string]string{"canary": "yes"})["canary"]; !goes {
		t.Error("a label canary of the template's own stays")
	}
}
