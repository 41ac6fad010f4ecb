package shop

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// AwaitQuarantined waits until the canary pod is in quarantine, or is not.
func (s *Shop) AwaitQuarantined(run *v1alpha1.CanaryRun, is bool) *corev1.Pod {
	s.T.Helper()
	pods := s.PodsOfRole(run, v1alpha1.RoleCanary)
	if len(pods) == 0 {
		s.T.Fatalf("%s has no canary pod", run.Name)
	}
	return Await(s, fmt.Sprintf("the canary pod is in quarantine: %t", is), pods[0].Name, &corev1.Pod{}, func(p *corev1.Pod) bool {
		return (p.Labels[v1alpha1.QuarantineLabel] == "true") == is && (p.Labels["app"] == "shaped") == !is
	})
}

// Frozen is ShapePlan with a canary that is kept when it failed.
func Frozen(more ...string) string {
	plan := strings.Replace(ShapePlan, "readyDeadline: 20s", "readyDeadline: 8s\n  onFailure: Freeze", 1)
	return strings.Replace(plan, "  replicas: 1", "  replicas: 1\n  "+strings.Join(more, "\n  "), 1)
}

// ShapePlan judges by the health of the pods alone.
const ShapePlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  replicas: 1
  readyDeadline: 20s
  analysis: {initialDelay: 1s, interval: 1s, period: 6s, failureLimit: 2}
`

// Shaped is a Deployment called shaped whose pods have these lines in their spec beside one container.
func Shaped(version string, replicas int, lines ...string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: shaped}
spec:
  replicas: %d
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: shaped}}
  template:
    metadata: {labels: {app: shaped}}
    spec:
      %s
      containers:
      - name: app
        image: holdfast.test/app:%s
        env: [{name: REVISION, valueFrom: {fieldRef: {fieldPath: "metadata.labels['pod-template-hash']"}}}]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
`, replicas, strings.Join(lines, "\n      "), version)
}

// HoldShaped applies the first version of a Deployment, waits for it, and has the second one held.
func (s *Shop) HoldShaped(replicas int, lines ...string) *v1alpha1.CanaryRun {
	s.T.Helper()
	return s.HoldSecond(func(version string) string { return Shaped(version, replicas, lines...) })
}

// HoldSecond does so with a manifest.
func (s *Shop) HoldSecond(manifest func(version string) string) *v1alpha1.CanaryRun {
	s.T.Helper()
	s.Must("apply", "-f", "-", manifest("v1"))
	Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, RolledOut)
	return s.NewestRun(s.Must("apply", "-f", "-", manifest("v2")))
}

// Says is what a pod says of a variable of its environment.
func (s *Shop) Says(pod, variable string) string {
	s.T.Helper()
	return strings.TrimSpace(s.Must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/env/%s", s.Namespace, pod, variable)))
}

// PodsOfRole are the pods of a run.
func (s *Shop) PodsOfRole(run *v1alpha1.CanaryRun, role string) []corev1.Pod {
	s.T.Helper()
	var pods corev1.PodList
	if err := World.Client.List(s.T.Context(), &pods, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.RunLabel: run.Name, v1alpha1.RoleLabel: role}); err != nil {
		s.T.Fatal(err)
	}
	return pods.Items
}
