package neighbours

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestWhatAdmissionAddsToPodsIsTheirOwn: a sidecar, a digest, an annotation, put into
// pods when they are made, and a policy that does so; the run is judged as ever.
func TestWhatAdmissionAddsToPodsIsTheirOwn(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]string{
		"canary": shop.HealthPlan, "canary and baseline": strings.Replace(shop.HealthPlan, "spec: {", "spec: {baseline: {}, ", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
			n := moveIn(s)
			n.podWebhook("/inject", "holdfast.test/app:sidecar")
			n.podWebhook("/pin", "@sha256:")
			n.podWebhook("/annotate", "webhook.holdfast.test/seen")
			run := s.HoldV2()
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			if name == "canary" {
				wantSidecars(s)
			}
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			s.WantImage("v2")
		})
	}
}
