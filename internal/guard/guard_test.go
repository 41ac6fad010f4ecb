package guard

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestGuarded(t *testing.T) {
	canary := func(value string) map[string]string { return map[string]string{v1alpha1.CanaryAnnotation: value} }
	for name, tc := range map[string]struct {
		namespace, label, deployment map[string]string
		want                         bool
	}{
		"nobody asks":                      {nil, nil, nil, false},
		"the namespace asks":               {canary("enabled"), nil, nil, true},
		"the namespace requires":           {canary("required"), nil, nil, true},
		"only the label is there":          {nil, canary("enabled"), nil, true},
		"something else":                   {canary("yes"), canary("no"), canary("perhaps"), false},
		"the Deployment asks by itself":    {nil, nil, canary("enabled"), true},
		"the Deployment takes itself out":  {canary("enabled"), canary("enabled"), canary("disabled"), false},
		"something else on the Deployment": {canary("enabled"), nil, canary("perhaps"), true},
	} {
		if got := Guarded(tc.namespace, tc.label, tc.deployment); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestWhereAPolicyGuardsNothingElseCounts(t *testing.T) {
	disabled := map[string]string{v1alpha1.CanaryAnnotation: v1alpha1.CanaryDisabled}
	if !Guarded(nil, map[string]string{v1alpha1.PolicyLabel: v1alpha1.CanaryEnabled}, disabled) {
		t.Error("a Deployment opted out of a policy")
	}
	if Guarded(nil, map[string]string{v1alpha1.CanaryLabel: v1alpha1.CanaryEnabled}, disabled) {
		t.Error("without a policy it cannot opt out")
	}
}

func TestAKeyIsHoldfastsByItsDomain(t *testing.T) {
	for key, want := range map[string]bool{
		"holdfast.dev/held":          true,
		"metric.holdfast.dev/errors": true,
		"deleted.holdfast.dev/web":   true,
		"notholdfast.dev/held":       false,
		"holdfast.dev.example/held":  false,
		"example.com/holdfast.dev":   false,
		"holdfast.dev":               false,
		"held":                       false,
		"":                           false,
	} {
		if got := IsOwnKey(key); got != want {
			t.Errorf("key %q is Holdfast's: %t, want %t", key, got, want)
		}
	}
}
