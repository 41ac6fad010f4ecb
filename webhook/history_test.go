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

func TestATemplateIsNoRevisionIfItsReplicaSetIsGone(t *testing.T) {
	controller := true
	replicaSet := func(image string) *appsv1.ReplicaSet {
		rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web-" + image, UID: types.UID(image), Labels: map[string]string{"app": "web"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: testUID, Controller: &controller}},
		}}
		rs.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: image}}
		return rs
	}
	hashOf := func(image string) hold.Hash {
		template, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&replicaSet(image).Spec.Template)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := hold.HashOf(template)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	server := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(replicaSet("v1"), replicaSet("v2")).Build()
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	for _, gone := range []string{"", "v1"} {
		found, err := History{Reader: lagging{server, "web-" + gone}}.Revisions(t.Context(), "shop", testUID, selector, hashOf("v1"))
		if err != nil {
			t.Fatal(err)
		}
		if found.has(hashOf("v1")) != (gone == "") || !found.has(hashOf("v2")) {
			t.Errorf("with %q gone the revisions are %v", gone, found)
		}
	}
}
