package footprint

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// metricsAPI is what autoscalers read: pods use as much CPU as their annotation says.
const metricsAPI = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: resources}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: resources-%[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: resources, namespace: %[1]s}]
---
apiVersion: v1
kind: Service
metadata: {name: resources}
spec:
  selector: {app: resources}
  ports: [{port: 443, targetPort: 8443}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: resources, annotations: {holdfast.dev/canary: disabled}}
spec:
  selector: {matchLabels: {app: resources}}
  template:
    metadata: {labels: {app: resources}}
    spec:
      serviceAccountName: resources
      containers:
      - name: resources
        image: holdfast.test/resources:v1
        readinessProbe: {httpGet: {path: /healthz, port: 8443, scheme: HTTPS}, periodSeconds: 1}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: resources, namespace: %[1]s}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: resources, namespace: %[1]s}
`

// autoscaler scales shaped by a metric.
const autoscaler = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shaped}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shaped}
  minReplicas: 1
  maxReplicas: 30
  metrics: [%s]
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
`

// What an autoscaler goes by: 100m of CPU, which is all that a pod asks for, or its only container does; a
// queue of 130 that is to be one of 100; a queue of 390 of which each pod is to have 100.
const (
	byCPU       = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 100}}}"
	byContainer = "{type: ContainerResource, containerResource: {name: cpu, container: app, target: {type: Utilization, averageUtilization: 100}}}"
	byValue     = "{type: External, external: {metric: {name: queue-130}, target: {type: Value, value: 100}}}"
	byAverage   = "{type: External, external: {metric: {name: queue-390}, target: {type: AverageValue, averageValue: 100}}}"
)

// The pods of these scenarios run nowhere: what is said of them is what they are.
const onNoNode = "nodeSelector: {kubernetes.io/hostname: none}"

// How pods are that no share of the CPU says.
const (
	notReady   = -1
	unmeasured = -2
)

// TestWhatAnAutoscalerMakesOfCanaryPods is what docs/how-to/autoscalers.md says, measured with the autoscaler
// of Kubernetes: kubernetes/kubernetes#129228, argoproj/argo-rollouts#2857, #3849 and #4607 have it of other
// canaries. The numbers are what a pod uses of its target, in percent.
func TestWhatAnAutoscalerMakesOfCanaryPods(t *testing.T) {
	stage := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
	t.Cleanup(func() {
		for _, what := range []string{"apiservice/v1beta1.metrics.k8s.io", "apiservice/v1beta1.external.metrics.k8s.io", "clusterrolebinding/resources-" + stage.Namespace} {
			if _, err := shop.World.Cluster.Kubectl(context.Background(), "", "delete", what, "--ignore-not-found"); err != nil {
				t.Log(err)
			}
		}
	})
	stage.Must("apply", "-f", "-", fmt.Sprintf(metricsAPI, stage.Namespace))
	stage.Must("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "apiservice/v1beta1.external.metrics.k8s.io", "--timeout="+shop.Patience.String())
	for name, tc := range map[string]struct {
		pods   int
		use    int
		canary int
		// without is what the autoscaler asks for where there is no canary, with where there is one of one pod.
		without, with int32
		fails         bool
		// by is what it goes by, "" for byCPU.
		by string
	}{
		"takes its share of the load":               {3, 75, 75, 3, 3, false, ""},
		"is as loaded as the others":                {3, 100, 100, 3, 3, false, ""},
		"adds to what is used":                      {3, 85, 85, 3, 4, false, ""},
		"adds to what is used by one pod":           {1, 60, 60, 1, 2, false, ""},
		"adds to what is used by ten":               {10, 85, 85, 9, 10, false, ""},
		"is idle, in the tolerance":                 {3, 105, 0, 3, 4, false, ""},
		"is idle, where more are needed":            {3, 130, 0, 4, 3, false, ""},
		"takes three times as much":                 {3, 100, 300, 3, 6, false, ""},
		"is not Ready, where more are needed":       {3, 130, notReady, 4, 3, false, ""},
		"is not measured, where fewer would do":     {3, 50, unmeasured, 2, 3, false, ""},
		"takes three times as much, and has failed": {3, 100, 300, 3, 3, true, ""},
		"is not Ready, and has failed":              {3, 130, notReady, 4, 4, true, ""},
		"adds to what a container uses":             {3, 85, 85, 3, 4, false, byContainer},
		"is counted by a value":                     {3, 100, 100, 4, 6, false, byValue},
		"is not counted by an average value":        {3, 100, 100, 4, 4, false, byAverage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.by == "" {
				tc.by = byCPU
			}
			if tc.use != 75 { // of which the canary has taken a quarter
				if asks := scaled(t, tc.by, tc.pods, tc.use, 0, false, false); asks != tc.without {
					t.Errorf("without a canary it asks for %d pods, want %d", asks, tc.without)
				}
			}
			if asks := scaled(t, tc.by, tc.pods, tc.use, tc.canary, true, tc.fails); asks != tc.with {
				t.Errorf("with one it asks for %d pods, want %d", asks, tc.with)
			}
		})
	}
}

// scaled is how many pods an autoscaler asks for first of a Deployment of some pods that use so much each,
// and have a canary beside them that does.
func scaled(t *testing.T, by string, pods, use, canary int, is, fails bool) int32 {
	t.Helper()
	plan := strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1)
	if fails {
		plan = strings.Replace(shop.Frozen(), "failureLimit: 2}", "failureLimit: 1, metrics: [{name: bad, query: 'vector(1)', range: {max: 0}}]}", 1)
	} else {
		plan = strings.Replace(plan, "readyDeadline: 20s", "readyDeadline: 10m", 1)
	}
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
	manifest := func(version string) string {
		return strings.Replace(shop.Shaped(version, pods, onNoNode), "ports:", "resources: {requests: {cpu: 100m}}\n        ports:", 1)
	}
	s.Must("apply", "-f", "-", manifest("v1"))
	report(s, pods, use, client.MatchingLabels{"app": "shaped"})
	shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
	if is {
		run := s.NewestRun(s.Must("apply", "-f", "-", manifest("v2")))
		report(s, 1, canary, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
		if canary != notReady { // the controller manager has seen it, of which the autoscaler is a part
			shop.Await(s, "the canary is Ready", run.Name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return rs.Status.ReadyReplicas == 1 })
		}
		if fails {
			s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
			s.AwaitQuarantined(run, true)
		}
	}
	s.Must("apply", "-f", "-", fmt.Sprintf(autoscaler, by))
	seen := shop.Await(s, "the autoscaler has read what pods use", "shaped", &autoscalingv2.HorizontalPodAutoscaler{}, func(h *autoscalingv2.HorizontalPodAutoscaler) bool {
		return len(h.Status.CurrentMetrics) > 0
	})
	return seen.Status.DesiredReplicas
}

// report says of so many pods that they run and what they use, when they are made.
func report(s *shop.Shop, n, use int, of client.MatchingLabels) {
	s.T.Helper()
	var pods corev1.PodList
	shop.AwaitList(s, fmt.Sprintf("there are %d pods", n), &pods, func(is int) bool { return is == n }, []client.ListOption{of})
	for _, pod := range pods.Items {
		ready := corev1.ConditionTrue
		if use == notReady {
			ready = corev1.ConditionFalse
		}
		now := metav1.Now()
		status, err := json.Marshal(map[string]any{"status": corev1.PodStatus{
			Phase: corev1.PodRunning, StartTime: &now, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: now}},
		}})
		if err != nil {
			s.T.Fatal(err)
		}
		if use != unmeasured {
			s.Must("annotate", "--overwrite", "pod", pod.Name, fmt.Sprintf("holdfast.test/cpu=%dm", max(use, 0)))
		}
		if err := shop.World.Client.Status().Patch(s.T.Context(), &pod, client.RawPatch(types.StrategicMergePatchType, status)); err != nil {
			s.T.Fatal(err)
		}
	}
}
