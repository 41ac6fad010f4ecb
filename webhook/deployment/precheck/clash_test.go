package precheck

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

func withLabels(labels map[string]any) hold.Template {
	return hold.Template{"metadata": map[string]any{"labels": labels}}
}

func requiring(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{
		MatchLabels:      map[string]string{"app": "web"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}},
	}
}

func TestClashes(t *testing.T) {
	web := map[string]any{"app": "web"}
	for sentence, tc := range map[string]struct {
		selector *metav1.LabelSelector
		labels   map[string]any
		field    string // "" if there is none
	}{
		"an ordinary Deployment":                                {&metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, web, ""},
		"a template with the label canary keeps its own":        {requiring("canary", "In", "no"), map[string]any{"app": "web", "canary": "no"}, ""},
		"the API server says which labels are missing":          {requiring("tier", "Exists"), web, ""},
		"a selector that is none is for the API server":         {requiring("tier", "?"), web, ""},
		"labels that cannot be read are for the API server":     {nil, nil, ""},
		"a template with the role of pods":                      {requiring("app", "Exists"), map[string]any{"app": "web", v1alpha1.RoleLabel: "x"}, "spec.template.metadata.labels[holdfast.dev/role]"},
		"a template with the run of pods":                       {requiring("app", "Exists"), map[string]any{"app": "web", v1alpha1.RunLabel: "x"}, "spec.template.metadata.labels[holdfast.dev/run]"},
		"a template with the hash of pods":                      {requiring("app", "Exists"), map[string]any{"app": "web", v1alpha1.HashLabel: "x"}, "spec.template.metadata.labels[holdfast.dev/hash]"},
		"a template with the label of the deployment's":         {requiring("app", "Exists"), map[string]any{"app": "web", "pod-template-hash": "x"}, "spec.template.metadata.labels[pod-template-hash]"},
		"a selector without canaries":                           {requiring("canary", "DoesNotExist"), web, "spec.selector"},
		"a selector of everything that is no canary":            {requiring("canary", "NotIn", "true"), web, "spec.selector"},
		"a selector without roles":                              {requiring(v1alpha1.RoleLabel, "DoesNotExist"), web, "spec.selector"},
		"a selector without runs":                               {requiring(v1alpha1.RunLabel, "DoesNotExist"), web, "spec.selector"},
		"a selector that excludes only":                         {&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: "DoesNotExist"}}}, web, "spec.selector"},
		"a selector of what Holdfast manages":                   {&metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/managed-by": "holdfast"}}, map[string]any{"app.kubernetes.io/managed-by": "holdfast"}, "spec.selector"},
		"a selector of the Deployment by the label of Holdfast": {&metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.DeploymentLabel: "web"}}, map[string]any{v1alpha1.DeploymentLabel: "web"}, "spec.selector"},
	} {
		t.Run(sentence, func(t *testing.T) {
			errs := Clashes("web", tc.selector, withLabels(tc.labels))
			if tc.field == "" {
				if len(errs) > 0 {
					t.Errorf("there is a clash: %v", errs)
				}
				return
			}
			if len(errs) != 1 || errs[0].Field != tc.field || !strings.Contains(errs[0].Detail, v1alpha1.CanaryAnnotation+"=disabled") {
				t.Errorf("got %v, want one of %s that names the remedy", errs, tc.field)
			}
		})
	}
}
