package evaluator_test

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

func aMinute(o *evaluator.Options) { o.WriteBudget = 1. / 60 }

// An evaluator that is killed with rounds in memory loses none and counts none twice: who goes on asks for
// their times.
func TestKilledWithRoundsInMemory(t *testing.T) {
	for kill := range 9 {
		c := evaluatortest.NewCluster(t)
		c.Another(aMinute)
		c.Hold()
		for c.Passes(1); c.Run().Status.Measured == 0; c.Passes(1) {
		}
		writes := c.Writes
		c.Passes(kill)
		if c.Writes != writes {
			t.Fatalf("%d writes within %d s, and nothing was new but good rounds", c.Writes-writes, kill)
		}
		if age := c.Count("holdfast_status_age_seconds", ""); kill > 2 && age < 1 {
			t.Errorf("the status is said to be %g s old", age)
		}
		c.Another(aMinute)
		c.Passes(18 - kill)
		got, run := summary(c), c.Run()
		if got.Phase != string(v1alpha1.PhaseReleased) || run.Status.Measured != 6 {
			t.Errorf("killed after %d s: %+v with %d rounds of 6", kill, got, run.Status.Measured)
		}
		if asked := len(c.Prometheus.Asked); asked < 6 || asked > 12 {
			t.Errorf("killed after %d s: asked %d times for 6 rounds", kill, asked)
		}
	}
}

// What limits are on is written when it happens, whatever the budget: a failure, and the next, and what
// passes again.
func TestNothingBadIsInMemoryOnly(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Another(aMinute)
	c.Hold()
	for c.Passes(1); c.Run().Status.Measured == 0; c.Passes(1) {
	}
	for i, value := range []float64{1, 1, 0, 1} {
		c.Prometheus.Answer = analysis.Answer{Series: []analysis.Series{{Value: value}}}
		before := c.Run().Status
		for range 4 { // a round comes within
			c.Passes(1)
			if c.Run().Status.Measured > before.Measured {
				break
			}
		}
		run := c.Run()
		if m := evaluatortest.Newest(t, run, "errors"); run.Status.Measured != before.Measured+1 || (m.Outcome == v1alpha1.OutcomePassed) != (value == 0) {
			t.Errorf("round %d: %+v stands in the status, and %d rounds after %d", i, m, run.Status.Measured, before.Measured)
		}
	}
}

// A person who writes the status is obeyed, whatever was counted since.
func TestAStatusThatOthersWriteWins(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Another(aMinute)
	c.Hold()
	for c.Passes(1); c.Run().Status.Measured == 0; c.Passes(1) {
	}
	c.Passes(5)
	run := c.Run()
	run.Status.Metrics[1].ConsecutiveFailures, run.Status.Phase, run.Status.Verdict = 9, v1alpha1.PhaseRunning, v1alpha1.VerdictFail
	run.Status.Reason, run.Status.Message = v1alpha1.ReasonMetricOutOfRange, "by hand"
	c.Must(c.API.Status().Update(t.Context(), &run))
	c.Passes(4)
	if got := c.Run(); got.Status.Phase != v1alpha1.PhaseReverted {
		t.Errorf("the run is %s: %s", got.Status.Phase, got.Status.Message)
	}
}
