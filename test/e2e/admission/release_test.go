package admission

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestTheReleaseIsHoldfastsAlone: a user who asks for it is told, and nothing is released.
func TestTheReleaseIsHoldfastsAlone(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	id := recordOf(t, shop.Get(s, "web", (&live{Shop: s}).web())).ID
	if said := s.Must("annotate", "deployment", "web", v1alpha1.ReleaseAnnotation+"="+id); !strings.Contains(said, "only Holdfast itself releases") {
		t.Errorf("kubectl says:\n%s", said)
	}
	s.WantImage("v1")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
}
