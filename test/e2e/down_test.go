package e2e

import (
	"context"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestHoldfastIsDown: updates pass where it is "enabled", and are told once it
// is back; where it is "required" they are refused, and all else passes.
func TestHoldfastIsDown(t *testing.T) {
	enabled := open(t, settings{plan: patient, noLoad: true})
	required := open(t, settings{plan: patient, noLoad: true, guard: v1alpha1.CanaryRequired})
	for _, s := range []*shop{enabled, required} {
		await(s, "its template is stamped", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
			return d.Annotations[v1alpha1.StableAnnotation] != ""
		})
	}
	system := &shop{t: t, namespace: holdfastNamespace}
	system.must("scale", "deployment", "holdfast", "--replicas=0")
	t.Cleanup(func() { // for the scenarios after this one, should it fail
		_, _ = world.cluster.Kubectl(context.Background(), "", "-n", holdfastNamespace, "scale", "deployment", "holdfast", "--replicas=2")
	})
	awaitNone(system, "pods of Holdfast", &corev1.PodList{}, client.MatchingLabels{"app.kubernetes.io/name": "holdfast"})

	if said := enabled.apply("v2"); strings.Contains(said, "held") {
		t.Errorf("kubectl says:\n%s", said)
	}
	enabled.wantImage("v2")
	if _, stderr, code := required.kubectl("apply", "-f", "-", required.web("v2")); code == 0 || !strings.Contains(stderr, "required.hold.holdfast.dev") {
		t.Errorf("exit code %d, kubectl says:\n%s", code, stderr)
	}
	required.must("scale", "deployment", "web", "--replicas=3")
	required.wantImage("v1")

	system.must("scale", "deployment", "holdfast", "--replicas=2")
	system.must("rollout", "status", "deployment/holdfast", "--timeout=90s")
	enabled.wantEvents("UngatedUpdate")
	enabled.awaitGuarded()
	run := enabled.newestRun(enabled.apply("v3"))
	enabled.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	enabled.wantImage("v2")
}
