package alerts

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

const patientPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  analysis: {interval: 1s, period: 10m}
`

func about(s *shop.Shop, pod string) alert {
	return alert{
		Labels:      map[string]string{"alertname": "HighErrors", "namespace": s.Namespace, "pod": pod, "severity": "critical"},
		Annotations: map[string]string{"summary": "20 % of requests fail"},
	}
}

// TestAFiringAlertFailsTheCanary: of a group only what fires about a canary pod counts.
func TestAFiringAlertFailsTheCanary(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: patientPlan})
	a := runAlertmanager(s, "/alerts", token)
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	canary := s.PodsOfRole(run, v1alpha1.RoleCanary)[0].Name
	stable := s.Must("get", "pods", "-l", "app=web,!holdfast.dev/role", "-o", "jsonpath={.items[0].metadata.name}")

	over := about(s, canary)
	over.StartsAt, over.EndsAt = time.Now().Add(-time.Minute), time.Now().Add(-time.Second)
	a.send(t, about(s, stable), over)
	shop.Until(s, "the group was taken", a.hasSent)
	if alert := shop.Get(s, run.Name, &v1alpha1.CanaryRun{}).Status.Alert; alert != nil {
		t.Errorf("a resolved alert, and one about a stable pod, are noted as %+v", alert)
	}
	a.send(t, about(s, canary))
	ended := s.WantReverted(run.Name, v1alpha1.ReasonAlertFiring)
	if want := "alert HighErrors fires: 20 % of requests fail"; ended.Status.Message != want {
		t.Errorf("the run says %q, want %q", ended.Status.Message, want)
	}
}

// TestWhoHasNoTokenFailsNothing: what is sent with another one is refused, and Alertmanager says so.
func TestWhoHasNoTokenFailsNothing(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: patientPlan})
	a := runAlertmanager(s, "/alerts", "a-guess")
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	a.send(t, about(s, s.PodsOfRole(run, v1alpha1.RoleCanary)[0].Name))
	shop.Until(s, "Alertmanager was refused", func() bool { return strings.Contains(a.says(), "401") })
	if now := shop.Get(s, run.Name, &v1alpha1.CanaryRun{}); now.Status.Alert != nil || now.Status.Phase != v1alpha1.PhaseRunning {
		t.Errorf("the run is %s, with the alert %+v", now.Status.Phase, now.Status.Alert)
	}
}

// TestACriterionNamesWhichAlertsCount: one on any alert of the namespace, which names no pod.
func TestACriterionNamesWhichAlertsCount(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(patientPlan, "period: 10m", `period: 10m, metrics: [{name: checkout, alerts: {about: Any, matchers: ['alertname=~"Checkout.*"']}}]`, 1)})
	a := runAlertmanager(s, "/alerts", token)
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	a.send(t, alert{Labels: map[string]string{"alertname": "CheckoutSlow", "namespace": s.Namespace}})
	s.WantReverted(run.Name, v1alpha1.ReasonAlertFiring)
}

// TestAPodThatAnAlertNamesIsEvicted, and another of its workload is not within the time of the limit.
func TestAPodThatAnAlertNamesIsEvicted(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	s.Must("annotate", "namespace", s.Namespace, v1alpha1.KillAnnotation+"="+v1alpha1.KillEnabled)
	a := runAlertmanager(s, "/kill", token)
	pods := strings.Fields(s.Must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))
	if len(pods) != 2 {
		t.Fatalf("there are %d pods: %s", len(pods), pods)
	}
	a.send(t, about(s, pods[0]))
	shop.AwaitEvent(s, v1alpha1.EventKilled)
	shop.AwaitGone(s, pods[0], &corev1.Pod{})
	s.AwaitAvailable()
	second := about(s, pods[1])
	second.Labels["alertname"] = "Stuck"
	a.send(t, second)
	shop.AwaitEvent(s, v1alpha1.EventNotKilled)
	if pod := shop.Get(s, pods[1], &corev1.Pod{}); pod.DeletionTimestamp != nil {
		t.Error("a second pod of the workload was evicted too")
	}
}

// TestOnlyInNamespacesThatAskForItPodsAreEvicted: the API server keeps Holdfast to it, too.
func TestOnlyInNamespacesThatAskForItPodsAreEvicted(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	pod := strings.Fields(s.Must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))[0]
	eviction := `{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"namespace": "` + s.Namespace + `", "name": "` + pod + `"}}` + "\n"
	path := "/api/v1/namespaces/" + s.Namespace + "/pods/" + pod + "/eviction"
	as := "--as=system:serviceaccount:" + shop.HoldfastNamespace + ":holdfast"
	if said := s.Refused(as, "create", "--raw", path, "-f", "-", eviction); !strings.Contains(said, "holdfast.dev/kill: enabled") {
		t.Errorf("Holdfast is refused with %q", said)
	}
	if now := shop.Get(s, pod, &corev1.Pod{}); now.DeletionTimestamp != nil {
		t.Error("the pod was evicted")
	}
}
