package outages

import (
	"context"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// takeDown stops Holdfast, and returns what starts it.
func takeDown(t *testing.T) (back func()) {
	t.Helper()
	system := &shop.Shop{T: t, Namespace: shop.HoldfastNamespace}
	system.Must("scale", "deployment", "holdfast", "--replicas=0")
	t.Cleanup(func() { // for the scenarios after this one, should it fail
		_, _ = shop.World.Cluster.Kubectl(context.Background(), "", "-n", shop.HoldfastNamespace, "scale", "deployment", "holdfast", "--replicas=2")
	})
	shop.AwaitNone(system, "pods of Holdfast", &corev1.PodList{}, client.MatchingLabels{"app.kubernetes.io/name": "holdfast"})
	return func() {
		t.Helper()
		system.Must("scale", "deployment", "holdfast", "--replicas=2")
		system.Must("rollout", "status", "deployment/holdfast", "--timeout="+shop.Patience.String())
	}
}

// TestHoldfastIsDown: updates pass where it is "enabled", and are told once it is back; where it is
// "required" they are refused, and all else passes. One that is held, and that a quota keeps from being
// tried, hides nothing of what passes after it.
func TestHoldfastIsDown(t *testing.T) {
	enabled := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	required := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Guard: v1alpha1.CanaryRequired})
	full := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	for _, s := range []*shop.Shop{enabled, required, full} {
		shop.Await(s, "its template is stamped", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
			return d.Annotations[v1alpha1.StableAnnotation] != ""
		})
	}
	full.Must("create", "quota", "none", "--hard=count/canaryruns.holdfast.dev=0")
	shop.Await(full, "the quota counts", "none", &corev1.ResourceQuota{}, func(q *corev1.ResourceQuota) bool { return len(q.Status.Hard) > 0 })
	full.Apply("v2")
	full.WantEvents("RunNotCreated")
	full.WantImage("v1")
	back := takeDown(t)

	if said := enabled.Apply("v2"); strings.Contains(said, "held") {
		t.Errorf("kubectl says:\n%s", said)
	}
	enabled.WantImage("v2")
	full.Must("set", "image", "deployment/web", "app=holdfast.test/app:v3")
	full.WantImage("v3")
	if _, stderr, code := required.Kubectl("apply", "-f", "-", required.Web("v2")); code == 0 || !strings.Contains(stderr, "required.hold.holdfast.dev") {
		t.Errorf("exit code %d, kubectl says:\n%s", code, stderr)
	}
	required.Must("scale", "deployment", "web", "--replicas=3")
	required.WantImage("v1")

	back()
	enabled.WantEvents("UngatedUpdate")
	full.WantEvents("UngatedUpdate")
	enabled.AwaitGuarded()
	run := enabled.NewestRun(enabled.Apply("v3"))
	enabled.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	enabled.WantImage("v2")
}
