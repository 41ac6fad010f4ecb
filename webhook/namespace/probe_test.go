package namespace

import "testing"

func TestProbe(t *testing.T) {
	excluded := []string{"holdfast-system", "kube-system"}
	for name, tc := range map[string]struct {
		namespace, annotation, want string
		problem                     bool
	}{
		"no annotation, no label":        {namespace: "shop"},
		"enabled":                        {namespace: "shop", annotation: "enabled", want: "enabled"},
		"a value that is none":           {namespace: "shop", annotation: "true", problem: true},
		"disabled is for pods":           {namespace: "shop", annotation: "disabled", problem: true},
		"Holdfast's own is not measured": {namespace: "holdfast-system", annotation: "enabled", problem: true},
		"kube-system is not measured":    {namespace: "kube-system", annotation: "enabled", problem: true},
		"Holdfast's own says nothing":    {namespace: "holdfast-system"},
	} {
		t.Run(name, func(t *testing.T) {
			got, problem := Probe(tc.namespace, tc.annotation, excluded)
			if got != tc.want || (problem != "") != tc.problem {
				t.Errorf("Probe = %q, %q", got, problem)
			}
		})
	}
}
