package runs_test

import (
	"testing"
	"time"

	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// TestRoundsThatAreLateShow: every round of a run says how late it is, and one that many were missed before
// says so.
func TestRoundsThatAreLateShow(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(6)
	count, sum := c.Histogram("holdfast_round_lag_seconds")
	if measured := c.Run().Status.Measured; int32(count) != measured || measured == 0 || sum > 2*float64(measured) {
		t.Fatalf("%d rounds were %g s late, %d were measured", count, sum, measured)
	}
	c.Clock.SetTime(c.Clock.Now().Add(5 * time.Second))
	c.Pass()
	after, late := c.Histogram("holdfast_round_lag_seconds")
	if after != count+1 || late-sum < 4 {
		t.Errorf("%d rounds more were %g s late, want one that was 4 s late or more", after-count, late-sum)
	}
}
