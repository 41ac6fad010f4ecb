package gather

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/evaluator/objects"
)

func TestSetsThatWereMadeAreKnownUntilTheyAreForgotten(t *testing.T) {
	var m madeSets
	run := func(i int) types.NamespacedName {
		return types.NamespacedName{Namespace: "shop", Name: fmt.Sprint("web-", i)}
	}
	cached := func(i int) *appsv1.ReplicaSet {
		return &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: run(i).Name, UID: types.UID(run(i).Name)}}
	}
	keep := func(i int, padding string) {
		answer := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "ReplicaSet", "padding": padding,
			"metadata": map[string]any{"name": run(i).Name, "uid": run(i).Name, "managedFields": []any{map[string]any{"manager": strings.Repeat("x", mostMade)}}},
		}}
		m.keep(run(i), answer, objects.PrintOfSet(cached(i)))
		if len(answer.GetManagedFields()) == 0 {
			t.Error("the answer itself was changed")
		}
	}

	keep(0, "")
	found := m.find(run(0), cached(0))
	if found == nil || found.GetName() != "web-0" {
		t.Fatalf("found %v", found)
	}
	if m.find(run(1), cached(0)) != nil || m.find(run(0), cached(1)) != nil || m.find(run(0), nil) != nil {
		t.Error("found one that was not made")
	}
	changed := cached(0)
	changed.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "other"}}
	if m.find(run(0), changed) != nil {
		t.Error("found one that was changed since")
	}

	half := strings.Repeat("x", mostMade/2)
	keep(1, half)
	keep(2, half)
	if m.find(run(1), cached(1)) == nil || m.find(run(2), cached(2)) != nil {
		t.Error("there is room for the second, and none for the third")
	}
	m.forget(run(1))
	keep(2, half)
	if m.find(run(1), cached(1)) != nil || m.find(run(2), cached(2)) == nil {
		t.Error("what is forgotten leaves its room")
	}
	m.forget(run(0))
	m.forget(run(2))
	if m.size != 0 || len(m.of) != 0 {
		t.Errorf("%d bytes of %d runs are left", m.size, len(m.of))
	}
}
