package runs_test

import (
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

func TestItIsToldThatAnAutoscalerCountsTheCanary(t *testing.T) {
	scaler := func(name string) *autoscalingv2.HorizontalPodAutoscaler {
		out := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: name}}
		out.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: name}
		return out
	}
	c := evaluatortest.NewCluster(t, scaler("web"), scaler("db"))
	c.Hold()
	c.Passes(6)
	told := slices.DeleteFunc(slices.Clone(c.Events), func(e string) bool { return !strings.Contains(e, v1alpha1.EventAutoscalerCounts) })
	if len(told) != 2 || !strings.Contains(told[0], "HorizontalPodAutoscaler web") { // on the run and on the Deployment
		t.Errorf("told was %q", told)
	}
}
