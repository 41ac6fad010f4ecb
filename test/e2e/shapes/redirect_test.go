package shapes

import (
	"fmt"
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
  baseline: {}
  readyDeadline: 30s
  analysis: {period: 10m, interval: 1s, initialDelay: 0s}
`

// openRedirected is a shop whose port has no name and whose Service goes by its number, under a policy that
// lets plans redirect.
func openRedirected(t *testing.T) *shop.Shop {
	s := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
	s.Must("label", "namespace", s.Namespace, "tenant="+s.Namespace)
	if said := s.Refused("apply", "-f", "-", redirectedPlan); !strings.Contains(said, "spec.probe.capture: Forbidden: no CanaryPolicy of this namespace allows Redirect") {
		t.Errorf("without a policy kubectl says:\n%s", said)
	}
	s.LetRedirect(redirectedPlan)
	return s
}

// numbered is the manifest of a version without names of ports, which Prometheus does not scrape there.
func numbered(s *shop.Shop, version string) string {
	return strings.NewReplacer("{name: http, containerPort: 8080}", "{containerPort: 8080}", "port: http", "port: 8080", "targetPort: http", "targetPort: 8080").Replace(shop.Unscraped(s.Web(version)))
}

// TestRequestsAreRedirected: by a Service that goes by number and a port without a name, each request is
// measured and none of the kubelet's; what is released has nothing of it. When policies forbid it the run
// ends without a verdict.
func TestRequestsAreRedirected(t *testing.T) {
	t.Parallel()
	s := openRedirected(t)
	said := s.Must("apply", "-f", "-", numbered(s, "v2"))
	if strings.Contains(said, "past the probe") {
		t.Errorf("kubectl says:\n%s", said)
	}
	run := s.NewestRun(said)
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	for _, role := range []string{v1alpha1.RoleCanary, v1alpha1.RoleBaseline} {
		pod := s.PodsOfRole(run, role)[0]
		if first := pod.Spec.InitContainers[0]; first.Name != "holdfast-probe-redirect" || len(first.SecurityContext.Capabilities.Add) != 1 {
			t.Errorf("the %s begins with %+v", role, first)
		}
	}
	pod := s.PodsOfRole(run, v1alpha1.RoleCanary)[0].Name
	counted := func(n int) func() bool {
		return func() bool {
			return strings.Contains(s.Probe(pod), fmt.Sprintf("holdfast_probe_requests_total{code=\"200\",grpc_status=\"\",port=\"8080\"} %d\n", n))
		}
	}
	if !counted(0)() {
		t.Errorf("nobody but the kubelet has asked the canary, and its probe says:\n%s", s.Probe(pod))
	}
	for range 3 {
		s.Must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/", s.Namespace, pod))
	}
	shop.Until(s, "the probe of the canary has measured each request", counted(3))
	s.Must("patch", "canarypolicy", s.Namespace+"-probes", "--type=merge", "-p", `{"spec":{"limits":{"probeCapture":"Name"}}}`)
	ended := s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	if ended.Status.Reason != v1alpha1.ReasonPlanInvalid || ended.Status.Verdict != v1alpha1.VerdictInconclusive || !strings.Contains(ended.Status.Message, "allows Name only") {
		t.Errorf("forbidden it is %s/%s %s: %s", ended.Status.Phase, ended.Status.Reason, ended.Status.Verdict, ended.Status.Message)
	}
	s.Decide(run.Name, `"decision":"Promote"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	if inits := s.Deployment("web").Spec.Template.Spec.InitContainers; len(inits) > 0 {
		t.Errorf("what was released has %v", inits)
	}
}

// TestPodSecurityRefusesToRedirect: it is told at apply, and the run ends without a verdict on the update.
func TestPodSecurityRefusesToRedirect(t *testing.T) {
	t.Parallel()
	s := openRedirected(t)
	s.Must("label", "namespace", s.Namespace, "pod-security.kubernetes.io/enforce=baseline")
	shop.Until(s, "who applies the plan is told", func() bool {
		_, said, _ := s.Kubectl("apply", "--dry-run=server", "-f", "-", strings.Replace(redirectedPlan, "period: 10m", "period: 11m", 1))
		return strings.Contains(said, "pod-security.kubernetes.io/enforce: baseline: pods with an init container that has NET_ADMIN are refused")
	})
	said := s.Must("apply", "-f", "-", numbered(s, "v2"))
	if !strings.Contains(said, "no canary can be made; set capture to Name") {
		t.Errorf("kubectl says:\n%s", said)
	}
	run := s.AwaitReason(s.NewestRun(said).Name, v1alpha1.ReasonProbeFailed)
	if run.Status.Verdict != v1alpha1.VerdictInconclusive || !strings.Contains(run.Status.Message, "holdfast-probe-redirect") {
		t.Errorf("it is %s: %s", run.Status.Verdict, run.Status.Message)
	}
	for _, pod := range s.PodsOfRole(run, v1alpha1.RoleCanary) {
		if pod.Status.Phase == corev1.PodRunning {
			t.Errorf("pod %s runs", pod.Name)
		}
	}
}
