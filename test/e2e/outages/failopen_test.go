package outages

import (
	"context"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// statusEntry is the entry of the webhook configuration for deployments/status.
const statusEntry = "status.hold.holdfast.dev"

// TestAStatusStoredWithoutTheWebhookIsPutRight: the entry fails open, which is as
// if it were not there. The test runs alone.
func TestAStatusStoredWithoutTheWebhookIsPutRight(t *testing.T) {
	s := shop.Open(t, shop.Settings{Plan: shop.LongPlan, NoLoad: true})
	entry := setStatusRules(t.Context(), t, nil)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		setStatusRules(ctx, t, entry)
	})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Must("scale", "deployment", "web", "--replicas=3") // long after: the API server has seen the change
	shop.Await(s, "the status misleads tools", "web", &appsv1.Deployment{}, shop.RolledOut)
	setStatusRules(t.Context(), t, entry)
	shop.Await(s, "the status is put right", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 0
	})
}

// setStatusRules gives the entry other rules and returns those it had. Without
// any it is never called. The API server may take a moment to see it.
func setStatusRules(ctx context.Context, t *testing.T, rules []admissionregistrationv1.RuleWithOperations) []admissionregistrationv1.RuleWithOperations {
	t.Helper()
	var config admissionregistrationv1.MutatingWebhookConfiguration
	if err := shop.World.Client.Get(ctx, client.ObjectKey{Name: "holdfast"}, &config); err != nil {
		t.Fatal(err)
	}
	for i := range config.Webhooks {
		if config.Webhooks[i].Name != statusEntry {
			continue
		}
		before := config.Webhooks[i].Rules
		config.Webhooks[i].Rules = rules
		if err := shop.World.Client.Update(ctx, &config); err != nil {
			t.Fatal(err)
		}
		return before
	}
	t.Fatalf("the webhook configuration has no entry %s", statusEntry)
	return nil
}
