package policy

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestRestartMarks: one more policy leaves no mark that did not count before, but where
// nothing was demanded.
func TestRestartMarks(t *testing.T) {
	known := []string{"known", "flag"}
	guards := func(marks ...string) v1alpha1.CanaryPolicySpec {
		return v1alpha1.CanaryPolicySpec{Guard: v1alpha1.GuardRequired, RestartMarks: marks}
	}
	bounds := func(marks ...string) v1alpha1.CanaryPolicySpec {
		return v1alpha1.CanaryPolicySpec{RestartMarks: marks}
	}
	for name, tc := range map[string]struct {
		policies []v1alpha1.CanaryPolicySpec
		want     []string
		demanded bool
	}{
		"none":                             {nil, known, false},
		"one that guards":                  {[]v1alpha1.CanaryPolicySpec{guards()}, known, false},
		"one with a list":                  {[]v1alpha1.CanaryPolicySpec{guards("known", "own")}, []string{"known", "own"}, true},
		"an empty list":                    {[]v1alpha1.CanaryPolicySpec{{RestartMarks: []string{}}}, []string{}, true},
		"two lists":                        {[]v1alpha1.CanaryPolicySpec{guards("a", "own"), bounds("own", "b")}, []string{"own"}, true},
		"a list, and one that guards":      {[]v1alpha1.CanaryPolicySpec{bounds("known", "own"), guards()}, []string{"known"}, true},
		"a list, and one that sets bounds": {[]v1alpha1.CanaryPolicySpec{guards("own"), bounds()}, []string{"own"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var all []v1alpha1.CanaryPolicy
			for i, spec := range tc.policies {
				all = append(all, v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: string(rune('a' + i))}, Spec: spec})
			}
			got, demanded := Combine(all).RestartMarks(known)
			if demanded != tc.demanded || !slices.Equal(got, tc.want) {
				t.Errorf("got %v, demanded: %v", got, demanded)
			}
		})
	}
}
