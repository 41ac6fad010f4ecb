package stablepods

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// A Deployment of more pods than can be named is told what to do.
func TestTooManyStablePodsAreAnError(t *testing.T) {
	pods := map[string][]string{"a": make([]string, maxStablePods-1), "b": {"b-1"}}
	if err := tooManyToName(pods); err != nil {
		t.Error(err)
	}
	pods["b"] = append(pods["b"], "b-2")
	if err := tooManyToName(pods); err == nil || !strings.Contains(err.Error(), "has 2001 pods") || !strings.Contains(err.Error(), "compare with a baseline instead") {
		t.Errorf("it says %v", err)
	}
}

func TestWhatIsRememberedOfStablePods(t *testing.T) {
	var m memory
	m.reset()
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-x", UID: "1"}}
	at := func(second int, there map[string][]string) map[string][]string {
		return m.note(run, there, time.Unix(0, 0).Add(time.Duration(second)*time.Second))
	}
	want := func(what string, got, want map[string][]string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", what, diff)
		}
	}
	want("all that are there", at(0, map[string][]string{"a": {"a-2", "a-1"}}), map[string][]string{"a": {"a-1", "a-2"}})
	want("those that are gone", at(1, map[string][]string{"a": {"a-3"}, "b": nil}), map[string][]string{"a": {"a-1", "a-2", "a-3"}, "b": nil})
	want("nothing of what is stable no more", at(2, map[string][]string{"b": {"b-1"}}), map[string][]string{"b": {"b-1"}})
	run.UID = "2"
	if m.knows(run) {
		t.Error("another run of the name is known")
	}
	want("nothing of another run", at(3, map[string][]string{"b": nil}), map[string][]string{"b": nil})

	var many []string
	for i := range maxKeptStablePods {
		many = append(many, fmt.Sprintf("b-%04d", i))
	}
	at(4, map[string][]string{"b": {"b-first"}})
	at(5, map[string][]string{"b": many})
	if got := at(6, map[string][]string{"b": {"b-last"}})["b"]; len(got) != maxKeptStablePods+1 || slices.Contains(got, "b-first") || !slices.Contains(got, "b-last") {
		t.Errorf("of %d that are gone %d are remembered: %s …", maxKeptStablePods+1, len(got)-1, got[:3])
	}
	kept := m.kept(types.NamespacedName{Namespace: "shop", Name: "web-x"})
	if len(kept) != 1 || kept[0].Name != "b" || !slices.Equal(kept[0].Pods, many) {
		t.Errorf("those that are gone are kept before those that are there: %d sets", len(kept))
	}
	run.Status.Stable = []v1alpha1.StableSet{{Name: "a", Pods: []string{"a-1"}}, {Name: "b", Pods: []string{"b-1", "other"}}}
	m.reset()
	want("what stood in the status", at(7, map[string][]string{"b": {"b-2"}}), map[string][]string{"b": {"b-1", "b-2"}})
	m.forget(types.NamespacedName{Namespace: "shop", Name: "web-x"})
	if m.knows(run) || len(m.of) > 0 {
		t.Error("a run that has ended is known")
	}
}
