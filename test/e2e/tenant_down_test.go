package e2e

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestATenantCannotGetOutWhileHoldfastIsDown: what binds the namespace to its
// policy is the API server's to keep, and updates are refused, also of what says
// that it is disabled.
func TestATenantCannotGetOutWhileHoldfastIsDown(t *testing.T) {
	s := openTenancy(t, patient)
	s.joe("annotate", "deployment", "web", "holdfast.dev/canary=disabled")
	s.letControllersDelete()
	run := s.wantHeld("v2")
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	system := &shop{t: t, namespace: holdfastNamespace}
	system.must("scale", "deployment", "holdfast", "--replicas=0")
	t.Cleanup(func() { // for the scenarios after this one
		ctx := context.Background()
		_, _ = world.cluster.Kubectl(ctx, "", "-n", holdfastNamespace, "scale", "deployment", "holdfast", "--replicas=2")
		_, _ = world.cluster.Kubectl(ctx, "", "-n", holdfastNamespace, "rollout", "status", "deployment/holdfast", "--timeout=90s")
	})
	awaitNone(system, "pods of Holdfast", &corev1.PodList{}, client.MatchingLabels{"app.kubernetes.io/name": "holdfast"})

	s.wantRefused("are Holdfast's own here", "label", "namespace", s.namespace, v1alpha1.CanaryLabel+"-")
	s.wantRefused("out of CanaryPolicy", "label", "namespace", s.namespace, "tenant-")
	s.wantRefused("written by controllers alone", "create", "-f", "-", bareReplicaSet)
	s.wantRefused("written by Holdfast alone", "patch", "canaryrun", run.Name, "--subresource=status", "--type=merge", "-p", `{"status":{"verdict":"Pass","phase":"Releasing"}}`)
	s.wantRefused("required.hold.holdfast.dev", "set", "image", "deployment/web", "app=holdfast.test/app:v3")
	s.wantRefused("recreate.required.hold.holdfast.dev", "delete", "deployment", "web")
	s.stillGuarded()
	s.wantImage("v1")

	// A whole namespace can be deleted, as its controller does it without credentials of its own.
	s.refused(asControllerManager, "delete", "--raw", s.path("/web"), "-f", "-", s.asCollectorDeletes())
	s.must(asControllerManager, "delete", "--raw", s.path(""))
	awaitGone(s.shop, "web", &appsv1.Deployment{})
}
