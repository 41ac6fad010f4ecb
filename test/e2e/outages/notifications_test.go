package outages

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestAReceiverThatWasAwayHearsOfWhatHappened: a run fails while the receiver is away, and the evaluator is
// killed before that comes. It is told everything then, in its order.
func TestAReceiverThatWasAwayHearsOfWhatHappened(t *testing.T) {
	s := shop.Open(t, shop.Settings{Name: "told-", Plan: shop.QuickPlan})
	run := s.HoldV2("--error-rate=0.5")
	ended := s.WantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	killLeader(s)
	s.Serve(shop.Server{Name: "receiver", Image: "receiver", Port: 9097}) // where notifiers of the test overlay find it

	type message struct{ ID, Cluster, Deployment, Run, Kind, Severity, Text string }
	var told []message
	kinds := func() (out []string) {
		for _, m := range told {
			out = append(out, m.Kind)
		}
		return out
	}
	shop.Until(s, "the receiver is told of the verdict", func() bool {
		told = nil
		for line := range strings.Lines(s.Must("logs", "deployment/receiver")) {
			var m message
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			told = append(told, m)
		}
		return slices.Contains(kinds(), "Reverted")
	})
	if got := kinds(); got[0] != v1alpha1.EventHeld || !slices.Contains(got, "CanaryStarted") || got[len(got)-1] != "Reverted" {
		t.Errorf("told was %v", got)
	}
	last := told[len(told)-1]
	if last.Run != run.Name || last.Deployment != "web" || last.Cluster != "test" || last.Severity != "warning" || !strings.Contains(last.Text, ended.Status.Message) {
		t.Errorf("the verdict is told as %+v", last)
	}
	for i, m := range told {
		if slices.ContainsFunc(told[:i], func(before message) bool { return before.ID == m.ID }) {
			t.Errorf("%s was told twice by one evaluator", m.ID)
		}
	}
}
