package canary

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestWithImages(t *testing.T) {
	template := decode(t, `{"spec": {"newField": 1, "initContainers": [{"name": "init", "image": "a:1"}],
		"containers": [{"name": "web", "image": "b:1", "args": ["x"]}, {"name": "side", "image": "c:1"}]}}`)
	before := runtime.DeepCopyJSON(template)
	got, err := WithImages(template, []v1alpha1.ContainerImage{{Name: "web", Image: "b:2"}, {Name: "init", Image: "a:2"}})
	if err != nil {
		t.Fatal(err)
	}
	want := decode(t, `{"spec": {"newField": 1, "initContainers": [{"name": "init", "image": "a:2"}],
		"containers": [{"name": "web", "image": "b:2", "args": ["x"]}, {"name": "side", "image": "c:1"}]}}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before, template); diff != "" {
		t.Errorf("the stable template was changed:\n%s", diff)
	}
	_, err = WithImages(template, []v1alpha1.ContainerImage{{Name: "app", Image: "x"}})
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), `no container "app"; it has init, side, web`) {
		t.Errorf("a container that is not there: %v", err)
	}
	for _, odd := range []string{`{}`, `{"spec": {"containers": [1, {"name": 2}], "initContainers": {}}}`, `{"spec": []}`} {
		if _, err := WithImages(decode(t, odd), []v1alpha1.ContainerImage{{Name: "app", Image: "x"}}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", odd, err)
		}
	}
}

// A baseline behaves as the stable pods do: it is told from them by labels alone.
func TestABaselineHasNoIdentityOfACanary(t *testing.T) {
	s := spec(decode(t, `{"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}}`))
	s.Name, s.Role = "web-abc-baseline", v1alpha1.RoleBaseline
	rs, err := ReplicaSet(s)
	if err != nil {
		t.Fatal(err)
	}
	want := decode(t, `{
		"metadata": {"labels": {"app": "web", "holdfast.dev/run": "web-abc", "holdfast.dev/role": "baseline", "holdfast.dev/hash": "abcdef",
			"pod-template-hash": "abcdef-baseline"}},
		"spec": {"containers": [{"name": "web"}]}}`)
	if diff := cmp.Diff(want, rs.Object["spec"].(map[string]any)["template"]); diff != "" || rs.GetName() != s.Name {
		t.Errorf("%s: -want +got:\n%s", rs.GetName(), diff)
	}
}
