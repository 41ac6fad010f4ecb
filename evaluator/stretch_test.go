package evaluator_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// TestTooMuchToMeasure: an evaluator that comes to a run in every third interval only has it be measured so
// from then on, and says so.
func TestTooMuchToMeasure(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	plan := &v1alpha1.CanaryPlan{}
	c.Must(c.API.Get(t.Context(), types.NamespacedName{Namespace: evaluatortest.Namespace, Name: "default"}, plan))
	plan.Spec.Analysis.Period.Duration = 2 * time.Hour
	c.Must(c.API.Update(t.Context(), plan))
	c.Hold()
	for c.Passes(1); c.Run().Status.Measured == 0; c.Passes(1) {
	}
	if most := c.Count("holdfast_interval_stretch", ""); most != 1 {
		t.Errorf("at first intervals are %g times longer", most)
	}
	for range 15 {
		c.Clock.SetTime(c.Clock.Now().Add(5 * time.Second))
		c.Passes(1)
	}
	if most, said := c.Count("holdfast_interval_stretch", ""), c.ConditionOf(v1alpha1.ConditionRoundsInTime); most != 3 || !strings.HasPrefix(said, "False: it is measured every 6s and not every 2s") {
		t.Errorf("intervals are %g times longer, and the run says %q", most, said)
	}
	before := c.Run().Status.Measured
	if c.Passes(20); c.Run().Status.Measured-before > 4 {
		t.Errorf("%d rounds in twenty seconds", c.Run().Status.Measured-before)
	}
}
