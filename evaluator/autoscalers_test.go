package evaluator

import (
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func scaler(name, kind, target string, metrics ...autoscalingv2.MetricSourceType) *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: kind, Name: target}},
	}
	for _, m := range metrics {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, autoscalingv2.MetricSpec{Type: m})
	}
	return hpa
}

func TestWhoseAutoscalerCountsPods(t *testing.T) {
	for name, tc := range map[string]struct {
		hpa  *autoscalingv2.HorizontalPodAutoscaler
		want bool
	}{
		"by CPU, unsaid":               {scaler("a", "Deployment", "web"), true},
		"by a resource":                {scaler("a", "Deployment", "web", autoscalingv2.ResourceMetricSourceType), true},
		"by one of a container":        {scaler("a", "Deployment", "web", autoscalingv2.ContainerResourceMetricSourceType), true},
		"by a metric of its pods":      {scaler("a", "Deployment", "web", autoscalingv2.PodsMetricSourceType), true},
		"by a queue and by a resource": {scaler("a", "Deployment", "web", autoscalingv2.ExternalMetricSourceType, autoscalingv2.ResourceMetricSourceType), true},
		"by a queue":                   {scaler("a", "Deployment", "web", autoscalingv2.ExternalMetricSourceType), false},
		"by requests of a Service":     {scaler("a", "Deployment", "web", autoscalingv2.ObjectMetricSourceType), false},
		"of another Deployment":        {scaler("a", "Deployment", "db"), false},
		"of a StatefulSet of the name": {scaler("a", "StatefulSet", "web"), false},
	} {
		if got := countsPodsOf(*tc.hpa, "web"); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestItIsToldThatAnAutoscalerCountsTheCanary(t *testing.T) {
	c := newCluster(t, scaler("web", "Deployment", "web"), scaler("other", "Deployment", "db"))
	c.hold()
	c.passes(6)
	told := slices.DeleteFunc(slices.Clone(c.events), func(e string) bool { return !strings.Contains(e, v1alpha1.EventAutoscalerCounts) })
	if len(told) != 2 || !strings.Contains(told[0], "HorizontalPodAutoscaler web") { // on the run and on the Deployment
		t.Errorf("told was %q", told)
	}
}
