package shapes

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// oddDeployment has what is rare and valid, and has broken tools: a dot in the name, no history, a label
// without a value, a selector with expressions, a tag with a digest, a native sidecar, a container that ends
// before the others begin, and one port for TCP and UDP. A headless Service selects its pods, and is the
// first by name.
const oddDeployment = `apiVersion: v1
kind: Service
metadata: {name: a-headless-one}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: odd}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: odd.one}
spec:
  replicas: 2
  revisionHistoryLimit: 0
  selector:
    matchLabels: {app: odd, track: ""}
    matchExpressions: [{key: release, operator: NotIn, values: [beta]}]
  template:
    metadata: {labels: {app: odd, track: "", release: "7"}}
    spec:
      terminationGracePeriodSeconds: 1
      initContainers:
      - {name: first, image: "holdfast.test/app:v1", args: ["--listen=:9092", --crash-after=1s, --exit-code=0]}
      - {name: beside, image: "holdfast.test/app:v1", args: ["--listen=:9091"], restartPolicy: Always, readinessProbe: {httpGet: {path: /readyz, port: 9091}, periodSeconds: 1}}
      containers:
      - name: app
        image: holdfast.test/app:VERSION@sha256:7777777777777777777777777777777777777777777777777777777777777777
        args: ["ARGUMENT"]
        ports: [{name: http, containerPort: 8080}, {name: quic, containerPort: 8080, protocol: UDP}]
        readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
`

// TestOddButValidDeployments: argoproj/argo-rollouts#3366 (native sidecars), kubernetes/kubernetes#136340 and
// kubernetes/kubernetes#108148 (a port number for two protocols is lost in merges).
func TestOddButValidDeployments(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(shop.ShapePlan, "period: 6s", "period: 10s", 1), Replicas: 1})
	odd := func(version, argument string) string {
		return strings.NewReplacer("VERSION", version, "ARGUMENT", argument).Replace(oddDeployment)
	}
	wantPorts := func(what string, pod corev1.PodSpec) {
		t.Helper()
		var got []string
		for _, port := range pod.Containers[0].Ports {
			got = append(got, port.Name+"/"+string(port.Protocol))
		}
		if strings.Join(got, " ") != "http/TCP quic/UDP" {
			t.Errorf("%s has the ports %v", what, got)
		}
	}
	s.Must("apply", "-f", "-", odd("v1", "--listen=:8080"))
	shop.Await(s, "it is available", "odd.one", &appsv1.Deployment{}, shop.RolledOut)
	first := s.NewestRun(s.Must("apply", "-f", "-", odd("v2", "--listen=:8080")))
	s.Decide(first.Name, "\"paused\":true") // it is not to end by itself
	second := s.NewestRun(s.Must("set", "env", "deployment/odd.one", "-c", "app", "STAGE=two"))
	s.AwaitPhase(first.Name, v1alpha1.PhaseSuperseded)
	s.AwaitPhase(second.Name, v1alpha1.PhaseRunning)
	pods := s.PodsOfRole(second, v1alpha1.RoleCanary)
	if len(pods) != 1 {
		t.Fatalf("%d canary pods", len(pods))
	}
	wantPorts("the canary", pods[0].Spec)
	s.AwaitPhase(second.Name, v1alpha1.PhaseReleased)
	d := shop.Get(s, "odd.one", &appsv1.Deployment{})
	wantPorts("the Deployment", d.Spec.Template.Spec)
	if app := d.Spec.Template.Spec.Containers[0]; !strings.Contains(app.Image, ":v2@") || len(app.Env) != 1 {
		t.Errorf("released was %s with %v", app.Image, app.Env)
	}
	bad := s.NewestRun(s.Must("apply", "-f", "-", odd("v3", "--crash-after=1s")))
	s.AwaitPhase(bad.Name, v1alpha1.PhaseReverted)
	wantPorts("the Deployment after a bad update", shop.Get(s, "odd.one", &appsv1.Deployment{}).Spec.Template.Spec)
}
