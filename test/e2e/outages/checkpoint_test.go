package outages

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// TestNoRoundIsLostThatWasInMemoryOnly: the leader is killed with rounds that stand in no status, which is
// written once a minute. Whoever goes on asks for their times, and for those at which nobody led.
func TestNoRoundIsLostThatWasInMemoryOnly(t *testing.T) {
	stage.Long(t)
	args := withArgs(t, func(args []string) []string { return append(args, "--status-writes-per-second=0.0166") })
	defer func() { // before the context of the test ends
		withArgs(t, func([]string) []string { return args })
		awaitReplaced(t)
	}()
	awaitReplaced(t)
	s := shop.Open(t, shop.Settings{Plan: strings.NewReplacer("period: 8s", "period: 50s", "interval: 1s", "interval: 5s", "initialDelay: 3s", "initialDelay: 15s").Replace(shop.QuickPlan)})
	run := s.HoldV2()
	written := shop.Await(s, "a round is written", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Measured > 0
	})
	shop.Until(s, "rounds are in memory", func() bool { return time.Since(written.Status.AsOf.Time) > 12*time.Second })
	if now := shop.Get(s, run.Name, &v1alpha1.CanaryRun{}); now.Status.Measured != written.Status.Measured {
		t.Fatalf("the status was written within a minute, with %d rounds after %d", now.Status.Measured, written.Status.Measured)
	}
	killLeader(s)
	ended := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	wantCountedOnce(s, ended)
	interval := ended.Spec.Plan.Analysis.Interval.Duration
	begins := ended.Status.Step.ReadyAt.Add(ended.Spec.Plan.Analysis.InitialDelay.Duration)
	last, _ := analysis.Newest(shop.MetricOf(t, ended, analysis.Pods))
	if want := int32(last.Time.Sub(begins)/interval) + 1; ended.Status.Measured != want {
		t.Errorf("%d rounds from %s to %s, one in %s: want %d", ended.Status.Measured, begins, last.Time, interval, want)
	}
}
