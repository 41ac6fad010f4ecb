package evaluator

import (
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func scaler(name, kind, target string, metrics ...autoscalingv2.MetricSpec) *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: kind, Name: target}},
	}
	hpa.Spec.Metrics = metrics
	return hpa
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
