package runs_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// TestNothingThatHappenedIsUntold, whichever write of a run is the last of an evaluator, made or not: the
// next one tells what it did not, in the same order, and nothing is told more often than twice.
func TestNothingThatHappenedIsUntold(t *testing.T) {
	whole := evaluatortest.NewCluster(t)
	whole.Hold()
	whole.Passes(20)
	want, writes := whole.Told(), whole.Writes
	if run := whole.Run(); run.Status.Phase != v1alpha1.PhaseReleased || len(want) < 4 {
		t.Fatalf("the run is %s, told was %v", run.Status.Phase, want)
	}
	for at := 1; at <= writes; at++ {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, lost %v", at, lost), func(t *testing.T) {
				c := evaluatortest.NewCluster(t)
				c.Hold()
				c.FailAt, c.Lost = at, lost
				for range 20 {
					before := c.Writes
					c.Pass()
					if before < at && c.Writes >= at {
						c.Another(nil)
					}
				}
				var first []string
				times := map[string]int{}
				for _, kind := range c.Told() {
					if times[kind]++; times[kind] == 1 {
						first = append(first, kind)
					}
				}
				if !slices.Equal(first, want) || slices.Max(slices.Collect(maps.Values(times))) > 2 {
					t.Errorf("told was\n%v, want\n%v", c.Told(), want)
				}
			})
		}
	}
}

// TestWhatIsToldIsForgotten: half a minute after a run has come to rest nothing is left to tell, and an
// evaluator that begins then tells nothing.
func TestWhatIsToldIsForgotten(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(20)
	if log := c.Run().Status.Transitions; log == nil || len(log.Untold) == 0 {
		t.Fatalf("the log at the end is %v", log)
	}
	c.Clock.SetTime(c.Clock.Now().Add(time.Minute))
	c.Passes(1)
	if log := c.Run().Status.Transitions; log.Untold != nil || log.Count == 0 {
		t.Errorf("the log a minute later is %v", log)
	}
	told, writes := c.Told(), c.Writes
	c.Another(nil)
	c.Passes(3)
	if !slices.Equal(c.Told(), told) || c.Writes != writes {
		t.Errorf("told was %v before, %v after; %d writes more", told, c.Told(), c.Writes-writes)
	}
}
