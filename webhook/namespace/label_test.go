package namespace

import "testing"

func TestLabel(t *testing.T) {
	excluded := []string{"holdfast-system", "kube-system"}
	for name, tc := range map[string]struct {
		namespace, annotation, want string
		problem                     bool
	}{
		"no annotation, no label":           {namespace: "shop"},
		"enabled":                           {namespace: "shop", annotation: "enabled", want: "enabled"},
		"required":                          {namespace: "shop", annotation: "required", want: "required"},
		"a value that is none":              {namespace: "shop", annotation: "yes", problem: true},
		"disabled is for Deployments":       {namespace: "shop", annotation: "disabled", problem: true},
		"kube-system is never guarded":      {namespace: "kube-system", annotation: "enabled", problem: true},
		"Holdfast's own is never guarded":   {namespace: "holdfast-system", annotation: "required", problem: true},
		"Holdfast's own without annotation": {namespace: "holdfast-system"},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := Label(tc.namespace, tc.annotation, excluded)
			if got != tc.want || (problem != "") != tc.problem {
				t.Errorf("Label = %q, %q", got, problem)
			}
		})
	}
}
