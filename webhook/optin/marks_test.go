package optin

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
)

func guarding(name string, guard v1alpha1.Guard) v1alpha1.CanaryPolicy {
	return v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.CanaryPolicySpec{Guard: guard}}
}

func TestMarks(t *testing.T) {
	enabled, required, bounds := guarding("e", v1alpha1.GuardEnabled), guarding("r", v1alpha1.GuardRequired), guarding("b", "")
	for name, tc := range map[string]struct {
		label    string
		policies []v1alpha1.CanaryPolicy
		want     marks
	}{
		"nothing":                                   {"", nil, marks{}},
		"the annotation alone":                      {"enabled", nil, marks{canary: "enabled"}},
		"a policy alone":                            {"", []v1alpha1.CanaryPolicy{enabled}, marks{"enabled", "enabled", "e"}},
		"the policy is stricter":                    {"enabled", []v1alpha1.CanaryPolicy{required}, marks{"required", "required", "r"}},
		"the annotation is stricter":                {"required", []v1alpha1.CanaryPolicy{enabled}, marks{"required", "enabled", "e"}},
		"of two policies the stricter":              {"", []v1alpha1.CanaryPolicy{required, enabled}, marks{"required", "required", "e,r"}},
		"one with bounds only leaves it to people":  {"", []v1alpha1.CanaryPolicy{bounds}, marks{policies: "b"}},
		"one with bounds only, and people opted in": {"enabled", []v1alpha1.CanaryPolicy{bounds}, marks{canary: "enabled", policies: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := marksOf(tc.label, policy.Combine(tc.policies)); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	p := guarding("p", v1alpha1.GuardEnabled)
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
