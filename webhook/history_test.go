package webhook

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/hold"
)

func TestThePreviousRevisionIsTheNewestButOne(t *testing.T) {
	for want, r := range map[string]revisions{
		"":  nil,
		"b": {{"a", 1}, {"c", 7}, {"b", 5}},
		"a": {{"a", 1}, {"c", 7}},
		"c": {{"x", 9}, {"b", 0}, {"c", 2}},
	} {
		if got := r.previous(); string(got) != want {
			t.Errorf("previous of %v is %q, want %q", r, got, want)
		}
	}
	if got := (revisions{{"a", 1}}).previous(); got != "" {
		t.Errorf("previous of one revision is %q", got)
	}
}

// lagging is an API server whose cache has ReplicaSets that etcd has no more.
type lagging struct {
	client.Reader
	gone string
}

func (l lagging) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Name == l.gone {
		return apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "replicasets"}, key.Name)
	}
	return l.Reader.Get(ctx, key, object, options...)
}

// replicaSetOf is what a template left behind, with the Deployment "web" as its controller.
func replicaSetOf(name, image string, labels map[string]string) *appsv1.ReplicaSet {
	controller := true
	rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID(name), Labels: labels,
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: testUID, Controller: &controller}},
	}}
	rs.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: image}}
	return rs
}

func templateOf(t *testing.T, rs *appsv1.ReplicaSet) hold.Hash {
	t.Helper()
	template, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&rs.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hold.HashOf(template)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// webItself is the Deployment that the ReplicaSets are asked of.
var webItself = deployment{map[string]any{
	"metadata": map[string]any{"name": "web", "uid": string(testUID)},
	"spec":     map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}},
}}

func TestATemplateIsNoRevisionIfItsReplicaSetIsGone(t *testing.T) {
	replicaSet := func(image string) *appsv1.ReplicaSet {
		return replicaSetOf("web-"+image, image, map[string]string{"app": "web", podTemplateHashLabel: image})
	}
	v1, v2 := templateOf(t, replicaSet("v1")), templateOf(t, replicaSet("v2"))
	server := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(replicaSet("v1"), replicaSet("v2")).Build()
	for _, gone := range []string{"", "v1"} {
		found, err := History{Reader: lagging{server, "web-" + gone}}.Revisions(t.Context(), "shop", webItself, v1)
		if err != nil {
			t.Fatal(err)
		}
		if found.has(v1) != (gone == "") || !found.has(v2) {
			t.Errorf("with %q gone the revisions are %v", gone, found)
		}
	}
}

// TestAnAdoptedReplicaSetIsNoRevision: it has the Deployment as its controller,
// but was made for another one, or by hand.
func TestAnAdoptedReplicaSetIsNoRevision(t *testing.T) {
	for sentence, tc := range map[string]struct {
		name, hash string
		revision   bool
	}{
		"made for it":                         {"web-6d4b75cb6d", "6d4b75cb6d", true},
		"made for another Deployment":         {"x-6d4b75cb6d", "6d4b75cb6d", false},
		"made for one that begins as it does": {"web-x-6d4b75cb6d", "6d4b75cb6d", false},
		"made by hand with such a name":       {"web-6d4b75cb6d", "", false},
		"made by hand with no such name":      {"web-", "", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			labels := map[string]string{"app": "web"}
			if tc.hash != "" {
				labels[podTemplateHashLabel] = tc.hash
			}
			rs := replicaSetOf(tc.name, "v9", labels)
			asked := templateOf(t, rs)
			server := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(rs).Build()
			found, err := History{Reader: server}.Revisions(t.Context(), "shop", webItself, asked)
			if err != nil {
				t.Fatal(err)
			}
			if found.has(asked) != tc.revision {
				t.Errorf("the revisions are %v", found)
			}
		})
	}
}

// TestATemplateIsNoRevisionIfItsReplicaSetIsBeingDeleted, and something keeps it
// still: a rollout to it would get no pods.
func TestATemplateIsNoRevisionIfItsReplicaSetIsBeingDeleted(t *testing.T) {
	rs := replicaSetOf("web-v1", "v1", map[string]string{"app": "web", podTemplateHashLabel: "v1"})
	rs.Finalizers = []string{"example.com/mine"}
	asked := templateOf(t, rs)
	server := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(rs).Build()
	for _, deleted := range []bool{false, true} {
		if deleted {
			if err := server.Delete(t.Context(), rs); err != nil {
				t.Fatal(err)
			}
		}
		found, err := History{Reader: server}.Revisions(t.Context(), "shop", webItself, asked)
		if err != nil {
			t.Fatal(err)
		}
		if found.has(asked) == deleted {
			t.Errorf("deleted %t, the revisions are %v", deleted, found)
		}
	}
}
