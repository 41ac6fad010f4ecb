package neighbours

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestTheProbeAndAMeshAreBothThere: beside an injector that has the kubelet ask its own proxy, before
// Holdfast's webhook or after it, a pod has one probe and one proxy, and gets Ready.
func TestTheProbeAndAMeshAreBothThere(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]string{"before": before, "after": after} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(shop.HealthPlan, "spec: {", "spec: {probe: {}, ", 1), Replicas: 1})
			n := moveIn(s)
			n.podWebhookAt(place, "/mesh", "8181", "reinvocationPolicy: IfNeeded")
			s.Measure()
			s.Must("rollout", "restart", "deployment/web")
			s.AwaitAvailable()
			shop.Until(s, "the stable pod is measured", func() bool {
				var pods corev1.PodList
				if err := shop.World.Client.List(t.Context(), &pods, shop.InNamespace(s), client.MatchingLabels{"app": "web"}); err != nil {
					t.Fatal(err)
				}
				return len(pods.Items) == 1 && isReadyWithBoth(pods.Items[0])
			})
			run := s.HoldV2()
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			for _, pod := range s.PodsOfRole(run, v1alpha1.RoleCanary) {
				if !isReadyWithBoth(pod) {
					t.Errorf("the canary pod is not Ready with one probe and one proxy: %+v", pod.Spec)
				}
			}
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		})
	}
}

// isReadyWithBoth says whether a pod is Ready and has each of the sidecars once.
func isReadyWithBoth(pod corev1.Pod) bool {
	count := map[string]int{}
	for _, c := range append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...) {
		count[c.Name]++
	}
	ready := false
	for _, c := range pod.Status.Conditions {
		ready = ready || c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	}
	return ready && count["holdfast-probe"] == 1 && count["sidecar"] == 1 && count["app"] == 1
}
