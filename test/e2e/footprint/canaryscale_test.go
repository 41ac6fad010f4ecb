package footprint

import (
	"context"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// canaryScale has the canary scaled by its own load.
const canaryScale = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 10m
  traffic: {source: None}
  scale: {hpa: {maxReplicas: 3}}
  analysis: {interval: 1s, period: 10m}
`

// TestTwoAutoscalersDoNotConfuseEachOther: that of the canary goes by the load of its pods, and that of the
// Deployment by the load of the others, as if there were none. Two that find one pod by their selectors would
// both stop (AmbiguousSelector, kubernetes/kubernetes#112011, kedacore/keda#5825);
// argoproj/argo-rollouts#4074 is about one that counts the pods of a canary with traffic of its own.
func TestTwoAutoscalersDoNotConfuseEachOther(t *testing.T) {
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: canaryScale, Replicas: 1})
	t.Cleanup(func() {
		for _, what := range []string{"apiservice/v1beta1.metrics.k8s.io", "apiservice/v1beta1.external.metrics.k8s.io", "clusterrolebinding/resources-" + s.Namespace} {
			if _, err := shop.World.Cluster.Kubectl(context.Background(), "", "delete", what, "--ignore-not-found"); err != nil {
				t.Log(err)
			}
		}
	})
	s.Must("apply", "-f", "-", fmt.Sprintf(metricsAPI, s.Namespace))
	s.Must("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout="+shop.Patience.String())
	manifest := func(version string) string {
		return strings.Replace(shop.Shaped(version, 3, onNoNode), "ports:", "resources: {requests: {cpu: 100m}}\n        ports:", 1)
	}
	s.Must("apply", "-f", "-", manifest("v1"))
	report(s, 3, 130, client.MatchingLabels{"app": "shaped"})
	shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
	run := s.NewestRun(s.Must("apply", "-f", "-", manifest("v2")))
	of := client.MatchingLabels{v1alpha1.RunLabel: run.Name}
	report(s, 1, 200, of)

	own := shop.Await(s, "the autoscaler of the canary asks for more pods", run.Name, &autoscalingv2.HorizontalPodAutoscaler{}, func(h *autoscalingv2.HorizontalPodAutoscaler) bool {
		return h.Status.DesiredReplicas == 3
	})
	if !metav1.IsControlledBy(own, run) || own.Spec.ScaleTargetRef.Kind != "ReplicaSet" {
		t.Errorf("it is of %v, for %v", own.OwnerReferences, own.Spec.ScaleTargetRef)
	}
	report(s, 3, 67, of)
	shop.Await(s, "the canary has them, and the run says so", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Phase == v1alpha1.PhaseRunning && r.Status.Scale == "3/3" && shop.Condition(r.Status.Conditions, v1alpha1.ConditionAutoscaled).Status == metav1.ConditionTrue
	})

	s.Must("apply", "-f", "-", fmt.Sprintf(autoscaler, byCPU)) // 3 pods at 130% are to be 4, whatever the canary does
	production := shop.Await(s, "that of the Deployment has read what its pods use", "shaped", &autoscalingv2.HorizontalPodAutoscaler{}, func(h *autoscalingv2.HorizontalPodAutoscaler) bool {
		return len(h.Status.CurrentMetrics) > 0
	})
	if production.Status.DesiredReplicas != 4 {
		t.Errorf("beside a canary it asks for %d pods, want 4", production.Status.DesiredReplicas)
	}
	for _, h := range []*autoscalingv2.HorizontalPodAutoscaler{production, shop.Get(s, run.Name, &autoscalingv2.HorizontalPodAutoscaler{})} {
		for _, c := range h.Status.Conditions {
			if c.Type == autoscalingv2.ScalingActive && c.Status != corev1.ConditionTrue {
				t.Errorf("autoscaler %s has stopped: %s: %s", h.Name, c.Reason, c.Message)
			}
		}
	}
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	shop.AwaitGone(s, run.Name, &autoscalingv2.HorizontalPodAutoscaler{})
	s.WantNoCanary()
}

// TestOfAutoscalersHoldfastChangesThoseOfRunsOnly: its right is to change any, and an admission policy keeps
// it to its own.
func TestOfAutoscalersHoldfastChangesThoseOfRunsOnly(t *testing.T) {
	s := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
	s.Must("apply", "-f", "-", fmt.Sprintf(autoscaler, byCPU))
	// kubectl reads what it changes, and Holdfast may not.
	s.Must("create", "role", "look-at-autoscalers", "--verb=get", "--resource=horizontalpodautoscalers.autoscaling")
	s.Must("create", "rolebinding", "look-at-autoscalers", "--role=look-at-autoscalers", "--serviceaccount=holdfast-system:holdfast")
	s.AwaitCan("system:serviceaccount:holdfast-system:holdfast", "get", "horizontalpodautoscalers.autoscaling")
	const holdfast = "--as=system:serviceaccount:holdfast-system:holdfast"
	for _, args := range [][]string{
		{"patch", "hpa", "shaped", "--type=merge", "-p", `{"spec":{"maxReplicas":1}}`, holdfast},
		{"delete", "hpa", "shaped", holdfast},
		{"create", holdfast, "-f", "-", strings.Replace(fmt.Sprintf(autoscaler, byCPU), "name: shaped", "name: another", 1)},
	} {
		if _, said, code := s.Kubectl(args...); code == 0 || !strings.Contains(said, "HorizontalPodAutoscalers") {
			t.Errorf("%v: code %d, %s", args, code, said)
		}
	}
}
