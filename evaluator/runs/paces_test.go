package runs

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// TestARunWaitsAsItWasTo: where intervals get shorter, a run that waits for its next round goes on waiting as
// long as it was to, and has the shorter one after that. Where they get longer it waits longer at once.
func TestARunWaitsAsItWasTo(t *testing.T) {
	var p paces
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	waits, others := types.NamespacedName{Namespace: "shop", Name: "waits"}, types.NamespacedName{Namespace: "shop", Name: "others"}
	// rounds counts rounds of the others, each so many intervals late.
	rounds := func(during time.Duration, late int) {
		for end := now.Add(during); now.Before(end); now = now.Add(time.Second) {
			stretch := p.stretch(others)
			p.counted(t.Context(), others, time.Duration(late)*time.Duration(10*stretch)*time.Second, 10*time.Second, stretch, now)
		}
	}
	want := func(when string, run types.NamespacedName, stretch float64) {
		t.Helper()
		if got := p.stretch(run); got != stretch {
			t.Errorf("%s intervals of %s are %g times longer, want %g", when, run.Name, got, stretch)
		}
	}
	want("at first", waits, 1)
	rounds(31*time.Second, 1)
	want("when many were missed", waits, 2)
	p.counted(t.Context(), waits, 0, 10*time.Second, 2, now)
	rounds(10*time.Minute, 0)
	want("when none is late", others, 1)
	want("before its next round", waits, 2)
	p.counted(t.Context(), waits, 0, 10*time.Second, 2, now)
	want("after it", waits, 1)
	if _, kept := p.waits.Get(waits); kept {
		t.Error("what is as its plan says is remembered")
	}
	want("in another namespace", types.NamespacedName{Namespace: "other", Name: "waits"}, 1)
}
