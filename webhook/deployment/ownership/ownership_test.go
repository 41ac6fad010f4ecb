package ownership

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func entries(t *testing.T, text string) Entries {
	t.Helper()
	var out Entries
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

const (
	// helm has the image and an argument of the stable template, and replicas.
	before = `
- {manager: helm, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:replicas": {}, "f:template": {"f:image": {}, "f:args": {}}}}}
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:status": {}}}
`
	// helm drops the argument and adds a label.
	dropped = `
- {manager: helm, operation: Apply, apiVersion: apps/v1, time: "2", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:labels": {}}, "f:spec": {"f:replicas": {}, "f:template": {"f:image": {}}}}}
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:status": {}}}
`
	// somebody else takes the image.
	taken = `
- {manager: helm, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:replicas": {}, "f:template": {"f:args": {}}}}}
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:status": {}}}
- {manager: set, operation: Update, apiVersion: apps/v1, time: "2", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:template": {"f:image": {}}}}}
`
)

func TestWithTemplateAtAHold(t *testing.T) {
	for name, tc := range map[string]struct{ sent, want string }{
		"what is not below the template stays as sent": {dropped, `
- {manager: helm, operation: Apply, apiVersion: apps/v1, time: "2", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:labels": {}}, "f:spec": {"f:replicas": {}, "f:template": {"f:image": {}, "f:args": {}}}}}
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:status": {}}}
`},
		"a manager that has nothing else goes": {taken, before},
		"a request that changes no owner":      {before, before},
		"an entry that went with its last field": {`
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:status": {}}}
`, `
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:status": {}}}
- {manager: helm, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:template": {"f:image": {}, "f:args": {}}}}}
`},
	} {
		t.Run(name, func(t *testing.T) {
			old := entries(t, before)
			got := WithTemplate(entries(t, tc.sent), old, TemplateOwners(old))
			if diff := cmp.Diff(entries(t, tc.want), got); diff != "" {
				t.Errorf("owners differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhoOwnsThatThereIsASpecGoesOnOwningIt, where others own what is in it.
func TestWhoOwnsThatThereIsASpecGoesOnOwningIt(t *testing.T) {
	old := entries(t, `
- {manager: dns, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {}}}
- {manager: deployer, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:rules": {}}}}
`)
	sent := entries(t, `
- {manager: dns, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {}}}
- {manager: deployer, operation: Apply, apiVersion: apps/v1, time: "2", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:labels": {"f:b": {}}}, "f:spec": {"f:rules": {}}}}
`)
	if diff := cmp.Diff(sent, WithField(sent, old, "rules", FieldOwners(old, "rules"))); diff != "" {
		t.Errorf("owners differ (-want +got):\n%s", diff)
	}
}

func TestWithTemplateAtARelease(t *testing.T) {
	// Held with the argument dropped, the release gives the new owners.
	held := TemplateOwners(entries(t, dropped))
	got := WithTemplate(entries(t, before), entries(t, before), held)
	if owners := TemplateOwners(got); len(owners) != 1 || owners[0].Fields["f:args"] != nil || owners[0].Fields["f:image"] == nil {
		t.Errorf("owners are %v", owners)
	}
}

func TestWithTemplateLeavesItsArgumentsAlone(t *testing.T) {
	sent, old := entries(t, dropped), entries(t, before)
	WithTemplate(sent, old, TemplateOwners(old))
	if diff := cmp.Diff(entries(t, dropped), sent); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(entries(t, before), old); diff != "" {
		t.Error(diff)
	}
}

func TestOperation(t *testing.T) {
	updated := before + `
- {manager: helm, operation: Update, apiVersion: apps/v1, time: "3", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {}}}}
`
	for name, tc := range map[string]struct{ before, after, manager, want string }{
		"an apply that changes owners":             {before, dropped, "helm", Apply},
		"an apply that changes nothing":            {before, before, "helm", Apply},
		"an update":                                {before, taken, "set", Update},
		"an update by one that has applied":        {before, updated, "helm", Update},
		"an apply by one that has updated before":  {updated, updated, "helm", Apply},
		"an update that changes nothing":           {before, before, "set", Update},
		"a manager that is not named":              {before, before, "", Update},
		"an update of what had no entry at all":    {"[]", "[]", "helm", Update},
		"what a controller did to the status only": {before, before, "kcm", Update},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Operation(entries(t, tc.before), entries(t, tc.after), tc.manager); got != tc.want {
				t.Errorf("Operation = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestWithAnnotationsAtAHold(t *testing.T) {
	const stable = `
- {manager: ci, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:cause": {}, "f:other": {}}}, "f:spec": {"f:replicas": {}}}}
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:cause": {}}}}}
`
	keys := []string{"cause"}
	for name, tc := range map[string]struct{ sent, want string }{
		"nothing changes": {stable, stable},
		"somebody else takes one": {`
- {manager: ci, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:other": {}}}, "f:spec": {"f:replicas": {}}}}
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:cause": {}}}}}
- {manager: kubectl-annotate, operation: Update, apiVersion: apps/v1, time: "2", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:cause": {}}}}}
`, stable},
		"what is not held stays as sent": {`
- {manager: ci, operation: Apply, apiVersion: apps/v1, time: "2", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:more": {}}}, "f:spec": {"f:replicas": {}}}}
`, `
- {manager: ci, operation: Apply, apiVersion: apps/v1, time: "2", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:more": {}, "f:cause": {}}}, "f:spec": {"f:replicas": {}}}}
`},
		"an entry that went with it comes back": {`
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:cause": {}}}}}
`, `
- {manager: kcm, operation: Update, apiVersion: apps/v1, time: "1", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:cause": {}}}}}
- {manager: ci, operation: Apply, apiVersion: apps/v1, time: "1", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:cause": {}}}}}
`},
	} {
		t.Run(name, func(t *testing.T) {
			old := entries(t, stable)
			got := WithAnnotations(entries(t, tc.sent), old, keys, AnnotationOwners(old, keys))
			if diff := cmp.Diff(entries(t, tc.want), got); diff != "" {
				t.Errorf("owners differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnersOfAnnotationsAreJoined(t *testing.T) {
	all := entries(t, `
- {manager: ci, operation: Apply, apiVersion: apps/v1, fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {".": {}, "f:a": {}, "f:b": {}, "f:c": {}}}}}
- {manager: set, operation: Update, apiVersion: apps/v1, fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:b": {}}}}}
`)
	both := AnnotationOwners(all, []string{"a", "b"})
	joined := Joined(OnlyAnnotations(both, []string{"a"}), OnlyAnnotations(both, []string{"b"}))
	if diff := cmp.Diff(both, joined); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
