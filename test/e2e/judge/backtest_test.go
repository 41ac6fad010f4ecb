package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// The outcomes of a back-test.
const (
	undecided = "Undecided"
	released  = "Released"
	reverted  = "Reverted"
)

// backtested is a rollout as holdfast backtest -o json tells of it.
type backtested struct{ ReplicaSet, Outcome, Message string }

// TestJudgingThePast: without a canary v2 and v3 roll out; the plan
// would have released the good one and reverted the bad one, as the cluster's own
// Prometheus has recorded them.
func TestJudgingThePast(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{})
	began := time.Now().Add(-time.Second)
	s.Must("annotate", "deployment", "web", "holdfast.dev/canary=disabled")
	s.AwaitRecorded("web-[a-z0-9]+") // or v2 is the first there ever was, and no rollout
	rollOutAndTest(s, "v2", began, released)
	last := rollOutAndTest(s, "v3", began, released, reverted)
	if !strings.Contains(last.Message, "metric error-rate") || !strings.Contains(last.Message, "range [0, 0.05]") {
		t.Errorf("the bad rollout is explained by: %s", last.Message)
	}
}

// rollOutAndTest rolls a version out and tests the plan until it has decided
// about all rollouts there were; it returns the last of them.
func rollOutAndTest(s *shop.Shop, version string, since time.Time, want ...string) backtested {
	s.T.Helper()
	args := []string{}
	if want[len(want)-1] == reverted {
		args = append(args, "--error-rate=0.5")
	}
	s.Must("apply", "-f", "-", shop.Annotate(s.Web(version, args...), `holdfast.dev/canary: disabled`))
	s.AwaitAvailable()
	s.WantImage(version)
	deadline := time.After(shop.Patience)
	for {
		rollouts := backtest(s, since)
		decided := len(rollouts) == len(want)
		for _, e := range rollouts {
			decided = decided && e.Outcome != undecided
		}
		if decided {
			for i, e := range rollouts {
				if e.Outcome != want[i] {
					s.T.Fatalf("rollout %d, of %s: %s (%s), want %s", i+1, e.ReplicaSet, e.Outcome, e.Message, want[i])
				}
			}
			return rollouts[len(want)-1]
		}
		select {
		case <-deadline:
			s.T.Fatalf("no decision about %d rollouts: %+v", len(want), rollouts)
		case <-time.After(time.Second):
		}
	}
}

// backtest runs the program, as people do, outside of the cluster.
func backtest(s *shop.Shop, since time.Time) []backtested {
	s.T.Helper()
	program := exec.CommandContext(s.T.Context(), filepath.Join(shop.World.Cluster.Dir(), "images", "holdfast"), "backtest",
		"--plan=-", "--namespace", s.Namespace, "--deployment=web", "--prometheus-url", shop.World.Cluster.PrometheusURL(),
		"--prometheus-scrape-interval=1s", "--from", since.UTC().Format(time.RFC3339), "-o=json")
	var out, said bytes.Buffer
	program.Stdin, program.Stdout, program.Stderr = strings.NewReader(shop.QuickPlan), &out, &said
	err := program.Run()
	const noRollout = 3
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == noRollout {
		err = nil
	}
	var report struct{ Rollouts []backtested }
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &report)
	}
	if err != nil {
		s.T.Fatalf("holdfast backtest: %v\n%s%s", err, out.String(), said.String())
	}
	return report.Rollouts
}
