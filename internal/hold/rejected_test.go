package hold

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

func TestRejectedRemembersTheLastTen(t *testing.T) {
	var memory Rejected
	for i := range 12 {
		memory = memory.With(Rejection{Hash: Hash(fmt.Sprint(i)), Run: "web-1", Reason: "Crashed"})
	}
	if len(memory) != 10 {
		t.Fatalf("remembers %d", len(memory))
	}
	if _, ok := memory.Find("1", ""); ok {
		t.Error("remembers the second of twelve")
	}
	if r, ok := memory.Find("11", ""); !ok || r.Reason != "Crashed" {
		t.Errorf("the last one is %v", r)
	}
}

func TestRejectedAgainTakesThePlaceOfTheFirst(t *testing.T) {
	memory := Rejected{}.With(Rejection{Hash: "a", Run: "web-a"}).With(Rejection{Hash: "b"}).With(Rejection{Hash: "a", Run: "web-a-2"})
	want := Rejected{{Hash: "b"}, {Hash: "a", Run: "web-a-2"}}
	if diff := cmp.Diff(want, memory); diff != "" {
		t.Error(diff)
	}
}

func TestRejectedSurvivesItsAnnotation(t *testing.T) {
	want := Rejected{{Hash: "a", Run: "web-a", At: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Reason: "Crashed", Message: "exit code 1"}}
	encoded, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseRejected(encoded, "uid")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if encoded, _ := (Rejected{}).Encode(); encoded != "" {
		t.Errorf("an empty memory is %q", encoded)
	}
}

func FuzzParseRejected(f *testing.F) {
	f.Add(`[{"hash":"a","run":"web-a","at":"2026-03-01T00:00:00Z","reason":"Crashed"}]`)
	f.Add(`[]`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, encoded string) {
		memory, err := ParseRejected(encoded, "uid")
		if err != nil {
			return
		}
		if memory = memory.With(Rejection{Hash: "new"}); len(memory) > maxRejections {
			t.Errorf("remembers %d", len(memory))
		}
		if _, ok := memory.Find("new", ""); !ok {
			t.Error("forgot the newest")
		}
	})
}

func TestWhatWasRejectedElsewhereWasNotRejectedHere(t *testing.T) {
	encoded, err := Rejected{{Hash: "a", UID: "here"}, {Hash: "b", UID: "there"}, {Hash: "c"}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for uid, want := range map[types.UID]Rejected{
		"here":      {{Hash: "a", UID: "here"}, {Hash: "c"}},
		"elsewhere": {{Hash: "c"}}, // nobody wrote where that was
	} {
		got, err := ParseRejected(encoded, uid)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || !RejectedElsewhere(encoded, uid) {
			t.Errorf("of %s (elsewhere %t): %s", uid, RejectedElsewhere(encoded, uid), diff)
		}
	}
	if own, err := (Rejected{{Hash: "a", UID: "here"}, {Hash: "c"}}).Encode(); err != nil || RejectedElsewhere(own, "here") || RejectedElsewhere("{", "here") {
		t.Error("an own memory, or what is none, is taken for that of another Deployment")
	}
}
