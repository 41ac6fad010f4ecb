package neighbours

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

const redirectedPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  probe: {capture: Redirect}
  analysis: {period: 10m, interval: 1s, initialDelay: 0s}
`

// letRedirect makes a tenant of the shop, and has it redirect.
func letRedirect(s *shop.Shop, plan string) {
	s.T.Helper()
	s.Must("label", "namespace", s.Namespace, "tenant="+s.Namespace)
	s.LetRedirect(plan)
}

// TestRequestsAreRedirectedBesideAnInjector: where a proxy is put into the pods that asks the application for
// the kubelet, before Holdfast's webhook or after it, and that is called again for what the other one did, a
// pod has each sidecar once and is Ready, each request is counted once, and what the kubelet asks comes to
// the application and is not counted.
func TestRequestsAreRedirectedBesideAnInjector(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]string{"before": before, "after": after} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
			letRedirect(s, redirectedPlan)
			moveIn(s).podWebhookAt(place, "/mesh", "8181", "reinvocationPolicy: IfNeeded")
			s.Measure()
			run := s.NewestRun(s.Must("apply", "-f", "-", shop.Unscraped(s.Web("v2"))))
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			pod := s.PodsOfRole(run, v1alpha1.RoleCanary)[0]
			redirectors := 0
			for _, c := range pod.Spec.InitContainers {
				if c.Name == "holdfast-probe-redirect" {
					redirectors++
				}
			}
			if !isReadyWithBoth(pod) || redirectors != 1 {
				t.Errorf("the canary pod is not Ready with each container once: %+v", pod.Spec)
			}
			at := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == "app" })
			health := pod.Spec.Containers[at].ReadinessProbe.HTTPGet
			if health.Port.IntValue() != 8181 || !strings.HasPrefix(health.Path, "/app-health/151") {
				t.Errorf("the kubelet asks %s%s, want it to ask the proxy, and that to ask where a detour begins", health.Port.String(), health.Path)
			}
			counted := func(n int) func() bool {
				return func() bool {
					return strings.Contains(s.Probe(pod.Name), fmt.Sprintf("holdfast_probe_requests_total{code=\"200\",grpc_status=\"\",port=\"http\"} %d\n", n))
				}
			}
			if !counted(0)() {
				t.Errorf("nobody but the kubelet has asked the canary, and its probe says:\n%s", s.Probe(pod.Name))
			}
			proxied := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s", s.Namespace, pod.Name)
			for range 3 {
				s.Must("get", "--raw", proxied+":8080/proxy/")
			}
			s.Must("get", "--raw", proxied+":8181/proxy"+health.Path)
			shop.Until(s, "the probe of the canary has measured each request, and nothing else", counted(3))
		})
	}
}

// TestAMeshThatTakesTheRequestsFirstIsTold at apply, by the mark of the namespace, and by the metrics that
// read the probe, of the container in the pod: what cannot be measured is an error, and not taken for no
// requests.
func TestAMeshThatTakesTheRequestsFirstIsTold(t *testing.T) {
	t.Parallel()
	const told = "namespace is labelled istio-injection: enabled, so a mesh takes the requests"
	s := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
	s.Must("label", "namespace", s.Namespace, "istio-injection=enabled")
	plan := strings.Replace(redirectedPlan, "initialDelay: 0s", "initialDelay: 0s, source: Probe, metrics: [{name: success, expect: success >= 99%}]", 1)
	letRedirect(s, plan)
	shop.Until(s, "who applies the plan is told", func() bool {
		_, said, _ := s.Kubectl("apply", "--dry-run=server", "-f", "-", strings.Replace(plan, "period: 10m", "period: 11m", 1))
		return strings.Contains(said, told)
	})
	moveIn(s).podWebhookAt(after, "/mesh/istio-proxy", "8181", "reinvocationPolicy: IfNeeded")
	said := s.Must("apply", "-f", "-", s.Web("v2"))
	if !strings.Contains(said, told) || !strings.Contains(said, `excludeInboundPorts: "8080"`) {
		t.Errorf("kubectl says:\n%s", said)
	}
	run := s.NewestRun(said)
	shop.Await(s, "the metric says what takes the requests", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		at := slices.IndexFunc(r.Status.Metrics, func(m v1alpha1.MetricStatus) bool { return m.Name == "success" })
		if at < 0 || len(r.Status.Metrics[at].Last) == 0 {
			return false
		}
		measured := r.Status.Metrics[at].Last
		last := measured[len(measured)-1]
		return last.Outcome == v1alpha1.OutcomeError && last.Reason == v1alpha1.MeasuredProbeFailed && strings.Contains(last.Message, "it has container istio-proxy of a mesh")
	})
}
