package runs

import (
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func scaler(kind, target string, metrics ...autoscalingv2.MetricSpec) *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a"},
		Spec:       autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: kind, Name: target}},
	}
	hpa.Spec.Metrics = metrics
	return hpa
}

func TestWhoseAutoscalerCountsPods(t *testing.T) {
	resource := autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{}}
	queue := func(kind autoscalingv2.MetricTargetType) autoscalingv2.MetricSpec {
		return autoscalingv2.MetricSpec{
			Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{Target: autoscalingv2.MetricTarget{Type: kind}},
		}
	}
	requests := func(kind autoscalingv2.MetricTargetType) autoscalingv2.MetricSpec {
		return autoscalingv2.MetricSpec{
			Type: autoscalingv2.ObjectMetricSourceType, Object: &autoscalingv2.ObjectMetricSource{Target: autoscalingv2.MetricTarget{Type: kind}},
		}
	}
	container := autoscalingv2.MetricSpec{Type: autoscalingv2.ContainerResourceMetricSourceType}
	ofPods := autoscalingv2.MetricSpec{Type: autoscalingv2.PodsMetricSourceType}
	for name, tc := range map[string]struct {
		hpa  *autoscalingv2.HorizontalPodAutoscaler
		want bool
	}{
		"by CPU, unsaid":               {scaler("Deployment", "web"), true},
		"by a resource":                {scaler("Deployment", "web", resource), true},
		"by one of a container":        {scaler("Deployment", "web", container), true},
		"by a metric of its pods":      {scaler("Deployment", "web", ofPods), true},
		"by a queue and by a resource": {scaler("Deployment", "web", queue(autoscalingv2.AverageValueMetricType), resource), true},
		"by a queue":                   {scaler("Deployment", "web", queue(autoscalingv2.ValueMetricType)), true},
		"by a queue, each its share":   {scaler("Deployment", "web", queue(autoscalingv2.AverageValueMetricType)), false},
		"by requests of a Service":     {scaler("Deployment", "web", requests(autoscalingv2.ValueMetricType)), true},
		"by requests, each its share":  {scaler("Deployment", "web", requests(autoscalingv2.AverageValueMetricType)), false},
		"of another Deployment":        {scaler("Deployment", "db"), false},
		"of a StatefulSet of the name": {scaler("StatefulSet", "web"), false},
	} {
		if got := countsPodsOf(*tc.hpa, "web"); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
