package outages

import (
	"context"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestWithoutPermissionToCheckUpdatesAreHeldUnchecked: what Holdfast may not do
// is no fault of the template. It runs alone, for nobody else to go unchecked.
func TestWithoutPermissionToCheckUpdatesAreHeldUnchecked(t *testing.T) {
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient})
	role := shop.Get(s, "holdfast", &rbacv1.ClusterRole{})
	restricted := role.DeepCopy()
	for i, rule := range restricted.Rules {
		if slices.Contains(rule.Resources, "deployments") {
			restricted.Rules[i].Verbs = slices.DeleteFunc(rule.Verbs, func(verb string) bool { return verb == "update" })
		}
	}
	if err := shop.World.Client.Update(t.Context(), restricted); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		restricted.Rules = role.Rules
		if err := shop.World.Client.Update(context.Background(), restricted); err != nil {
			t.Errorf("give Holdfast its permission back: %v", err)
		}
		s.AwaitAccess("yes", shop.EvaluatorUser, "update", "deployments.apps")
	})
	s.AwaitAccess("no", shop.EvaluatorUser, "update", "deployments.apps")
	said := s.Apply("v2")
	if !strings.Contains(said, "update held") || !strings.Contains(said, `cannot update resource "deployments"`) {
		t.Errorf("kubectl says:\n%s", said)
	}
}
