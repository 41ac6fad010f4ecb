package canary

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

func decode(t *testing.T, text string) hold.Template {
	t.Helper()
	var out hold.Template
	if err := utiljson.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func spec(template hold.Template) Spec {
	return Spec{
		Run: "web-abc", Name: "web-abc", Role: v1alpha1.RoleCanary, Namespace: "shop", UID: "uid-1", Deployment: "web",
		Selector:        &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		MinReadySeconds: 5, Hash: "abcdef", Template: template, Replicas: 2,
	}
}

func TestReplicaSet(t *testing.T) {
	template := decode(t, `{
		"metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}},
		"spec": {"newField": {"x": 1},
			"initContainers": [{"name": "init"}],
			"containers": [{"name": "web", "env": [{"name": "A", "value": "1"}]}, {"name": "side"}]}}`)
	before := runtime.DeepCopyJSON(template)
	got, err := ReplicaSet(spec(template))
	if err != nil {
		t.Fatal(err)
	}
	want := decode(t, `{
		"apiVersion": "apps/v1", "kind": "ReplicaSet",
		"metadata": {
			"name": "web-abc", "namespace": "shop",
			"labels": {
				"holdfast.dev/run": "web-abc", "holdfast.dev/deployment": "web", "holdfast.dev/hash": "abcdef",
				"app.kubernetes.io/managed-by": "holdfast"},
			"ownerReferences": [{
				"apiVersion": "holdfast.dev/v1alpha1", "kind": "CanaryRun", "name": "web-abc", "uid": "uid-1",
				"controller": true, "blockOwnerDeletion": true}]},
		"spec": {
			"replicas": 2, "minReadySeconds": 5,
			"selector": {"matchLabels": {"holdfast.dev/run": "web-abc", "holdfast.dev/role": "canary"}},
			"template": {
				"metadata": {"annotations": {"a": "b"}, "labels": {
					"app": "web", "canary": "true", "holdfast.dev/run": "web-abc", "holdfast.dev/role": "canary", "holdfast.dev/hash": "abcdef",
					"pod-template-hash": "abcdef"}},
				"spec": {"newField": {"x": 1},
					"initContainers": [{"name": "init"}],
					"containers": [
						{"name": "web", "env": [{"name": "A", "value": "1"}, {"name": "CANARY_ENABLED", "value": "1"}]},
						{"name": "side", "env": [{"name": "CANARY_ENABLED", "value": "1"}]}]}}}}`)
	if diff := cmp.Diff(want, got.Object); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before, template); diff != "" {
		t.Errorf("the held template was changed:\n%s", diff)
	}
}

func TestReplicaSetKeepsWhatTheTemplateSays(t *testing.T) {
	got, err := ReplicaSet(spec(decode(t, `{
		"metadata": {"labels": {"app": "web", "canary": "maybe"}},
		"spec": {"hostname": "mine", "containers": [{"name": "web", "env": [{"name": "CANARY_ENABLED", "value": "0"}]}]}}`)))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(got.Object["spec"].(map[string]any)["template"])
	want := `{"metadata":{"labels":{"app":"web","canary":"maybe","holdfast.dev/hash":"abcdef","holdfast.dev/role":"canary","holdfast.dev/run":"web-abc","pod-template-hash":"abcdef"}},` +
		`"spec":{"containers":[{"env":[{"name":"CANARY_ENABLED","value":"0"}],"name":"web"}],"hostname":"mine"}}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReplicaSetRefuses(t *testing.T) {
	good := `{"spec": {"containers": [{"name": "web"}]}}`
	for name, tc := range map[string]struct {
		template string
		selector *metav1.LabelSelector
	}{
		"a selector that matches every label":              {good, &metav1.LabelSelector{}},
		"a selector that matches the ReplicaSet":           {good, &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/managed-by": "holdfast"}}},
		"a selector that only excludes":                    {good, &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: metav1.LabelSelectorOpDoesNotExist}}}},
		"a selector that is none":                          {good, &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: "?"}}}},
		"a template with the label of the Deployment's":    {`{"metadata": {"labels": {"pod-template-hash": "x"}}, "spec": {"containers": []}}`, nil},
		"a template with a label of Holdfast":              {`{"metadata": {"labels": {"holdfast.dev/role": "x"}}, "spec": {"containers": []}}`, nil},
		"a template without containers":                    {`{"spec": {}}`, nil},
		"a template whose containers are none":             {`{"spec": {"containers": ["x"]}}`, nil},
		"a template whose labels are no object":            {`{"metadata": {"labels": []}, "spec": {"containers": []}}`, nil},
		"a template whose env is no list":                  {`{"spec": {"containers": [{"env": {}}]}}`, nil},
		"a template whose metadata and spec are no object": {`{"metadata": 1, "spec": 2}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := spec(decode(t, tc.template))
			if tc.selector != nil {
				s.Selector = tc.selector
			}
			if _, err := ReplicaSet(s); !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

// FuzzReplicaSet: no template makes it panic.
func FuzzReplicaSet(f *testing.F) {
	f.Add(`{"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "env": [1]}]}}`)
	f.Add(`{"metadata": null, "spec": {"containers": [null]}}`)
	f.Add("null")
	f.Fuzz(func(t *testing.T, text string) {
		var template hold.Template
		if utiljson.Unmarshal([]byte(text), &template) != nil {
			return
		}
		_, _ = ReplicaSet(spec(template))
	})
}
