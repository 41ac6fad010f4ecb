package policy

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestStatus(t *testing.T) {
	p := v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: v1alpha1.CanaryPolicySpec{Guard: v1alpha1.GuardEnabled}}
	p.Spec.NamespaceSelector.MatchLabels = map[string]string{"team": "x"}
	var namespaces []metav1.PartialObjectMetadata
	for name, team := range map[string]string{"b": "x", "a": "x", "c": "y", "kube-system": "x"} {
		namespaces = append(namespaces, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": team}}})
	}
	status := statusOf(&p, namespaces, []string{"kube-system"})
	if status.NamespaceCount != 2 || status.Namespaces[0] != "a" || status.Namespaces[1] != "b" || status.Conditions[0].Status != metav1.ConditionTrue {
		t.Errorf("got %+v", status)
	}
	again := statusOf(&v1alpha1.CanaryPolicy{ObjectMeta: p.ObjectMeta, Spec: p.Spec, Status: status}, namespaces, []string{"kube-system"})
	if again.Conditions[0].LastTransitionTime != status.Conditions[0].LastTransitionTime {
		t.Error("the condition flaps")
	}
	p.Spec.Metrics = []v1alpha1.Metric{{Name: "m", Query: "sum("}}
	if c := statusOf(&p, namespaces, nil).Conditions[0]; c.Status != metav1.ConditionFalse || c.Reason != v1alpha1.ReasonPolicyInvalid {
		t.Errorf("got %+v", c)
	}
}
