package outages

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestATenantCannotGetOutWhileHoldfastIsDown: what binds the namespace to its
// policy is the API server's to keep, and updates are refused, also of what says
// that it is disabled.
func TestATenantCannotGetOutWhileHoldfastIsDown(t *testing.T) {
	s := shop.OpenTenancy(t, shop.Patient)
	s.Joe("annotate", "deployment", "web", "holdfast.dev/canary=disabled")
	s.LetControllersDelete()
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	system := &shop.Shop{T: t, Namespace: shop.HoldfastNamespace}
	system.Must("scale", "deployment", "holdfast", "--replicas=0")
	t.Cleanup(func() { // for the scenarios after this one
		ctx := context.Background()
		_, _ = shop.World.Cluster.Kubectl(ctx, "", "-n", shop.HoldfastNamespace, "scale", "deployment", "holdfast", "--replicas=2")
		_, _ = shop.World.Cluster.Kubectl(ctx, "", "-n", shop.HoldfastNamespace, "rollout", "status", "deployment/holdfast", "--timeout="+shop.Patience.String())
	})
	shop.AwaitNone(system, "pods of Holdfast", &corev1.PodList{}, client.MatchingLabels{"app.kubernetes.io/name": "holdfast"})

	s.WantRefused("are Holdfast's own here", "label", "namespace", s.Namespace, v1alpha1.CanaryLabel+"-")
	s.WantRefused("out of CanaryPolicy", "label", "namespace", s.Namespace, "tenant-")
	s.WantRefused("written by controllers alone", "create", "-f", "-", shop.BareReplicaSet)
	s.WantRefused("written by Holdfast alone", "patch", "canaryrun", run.Name, "--subresource=status", "--type=merge", "-p", `{"status":{"verdict":"Pass","phase":"Releasing"}}`)
	s.WantRefused("required.hold.holdfast.dev", "set", "image", "deployment/web", "app=holdfast.test/app:v3")
	s.WantRefused("recreate.required.hold.holdfast.dev", "delete", "deployment", "web")
	s.StillGuarded()
	s.WantImage("v1")

	// A whole namespace can be deleted, as its controller does it without credentials of its own.
	s.Refused(shop.AsControllerManager, "delete", "--raw", s.Path("/web"), "-f", "-", s.AsCollectorDeletes())
	s.Must(shop.AsControllerManager, "delete", "--raw", s.Path(""))
	shop.AwaitGone(s.Shop, "web", &appsv1.Deployment{})
}
