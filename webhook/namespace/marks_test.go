package namespace

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
		"a policy alone":                            {"", []v1alpha1.CanaryPolicy{enabled}, marks{canary: "enabled", policy: "enabled", policies: "e"}},
		"the policy is stricter":                    {"enabled", []v1alpha1.CanaryPolicy{required}, marks{canary: "required", policy: "required", policies: "r"}},
		"the annotation is stricter":                {"required", []v1alpha1.CanaryPolicy{enabled}, marks{canary: "required", policy: "enabled", policies: "e"}},
		"of two policies the stricter":              {"", []v1alpha1.CanaryPolicy{required, enabled}, marks{canary: "required", policy: "required", policies: "e,r"}},
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
