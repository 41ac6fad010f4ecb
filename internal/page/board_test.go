package page

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func numbered(name string, version int) *v1alpha1.CanaryRun {
	return &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name), ResourceVersion: fmt.Sprint(version)}}
}

// seen are what a watcher sees, as name@version, with ! for those that are gone; and the mark.
func seen(w *watcher) (string, string) {
	changed, mark := w.look()
	var out []string
	for key, run := range changed {
		_, name, _ := strings.Cut(key, "/")
		if run == nil {
			out = append(out, "!"+name)
		} else {
			out = append(out, name+"@"+run.ResourceVersion)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " "), mark
}

func wantSeen(t *testing.T, w *watcher, want string) (mark string) {
	t.Helper()
	got, mark := seen(w)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	return mark
}

func TestAWatcherSeesTheLastOfManyChanges(t *testing.T) {
	b := NewBoard()
	b.Put(numbered("a", 1))
	w, resumed := b.follow("")
	if resumed {
		t.Error("it goes on from nothing")
	}
	wantSeen(t, w, "a@1")
	for version := range 1000 {
		b.Put(numbered("a", version))
		b.Put(numbered("b", 7)) // the same each time
	}
	if n := len(w.changed); n != 2 {
		t.Errorf("%d changes are kept for it", n)
	}
	b.Remove("shop", "a")
	b.Remove("shop", "never")
	wantSeen(t, w, "!a b@7")
	wantSeen(t, w, "")
	w.stop()
	b.Put(numbered("a", 2000))
	if len(w.changed) != 0 || len(b.watchers) != 0 {
		t.Error("it is told after it has stopped")
	}
}

func TestAWatcherGoesOnFromItsMark(t *testing.T) {
	b := NewBoard()
	for _, name := range []string{"a", "b", "c"} {
		b.Put(numbered(name, 1))
	}
	w, _ := b.follow("")
	mark := wantSeen(t, w, "a@1 b@1 c@1")
	w.stop()
	b.Put(numbered("b", 2))
	b.Remove("shop", "c")
	again, resumed := b.follow(mark)
	if wantSeen(t, again, "!c b@2"); !resumed {
		t.Error("it does not go on")
	}
	for name, stale := range map[string]string{"of another process": NewBoard().boot + "-1", "of the future": b.boot + "-99", "no mark": "x", "nothing": ""} {
		w, resumed := b.follow(stale)
		if got, _ := seen(w); resumed || got != "a@1 b@2" {
			t.Errorf("%s: resumed %t, sees %s", name, resumed, got)
		}
	}
	for i := range mostDepartures + 1 {
		b.Put(numbered(fmt.Sprint("x", i), 1))
		b.Remove("shop", fmt.Sprint("x", i))
	}
	if _, resumed := b.follow(mark); resumed {
		t.Error("it goes on although what has gone since is forgotten")
	}
	if len(b.gone) != mostDepartures {
		t.Errorf("%d departures are remembered", len(b.gone))
	}
}

func TestARunThatWasMadeAnewIsAnother(t *testing.T) {
	b := NewBoard()
	b.Put(numbered("a", 1))
	w, _ := b.follow("")
	wantSeen(t, w, "a@1")
	other := numbered("a", 1)
	other.UID = "other"
	b.Put(other)
	wantSeen(t, w, "a@1")
}

func TestSeatsAreLimitedForEachAndForAll(t *testing.T) {
	s := newSeats(3, 2)
	first, second := s.take("jane"), s.take("jane")
	if first == nil || second == nil || s.take("jane") != nil {
		t.Error("jane has not two seats")
	}
	third := s.take("vic")
	if third == nil || s.take("amy") != nil {
		t.Error("there are not three seats")
	}
	first()
	first() // once is enough
	if s.take("jane") == nil || s.take("amy") != nil {
		t.Error("a seat that was left is not one seat")
	}
	second()
	third()
}
