package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	s := open(t, settings{})
	began := time.Now().Add(-time.Second)
	s.must("annotate", "deployment", "web", "holdfast.dev/canary=disabled")
	s.awaitRecorded("web-[a-z0-9]+") // or v2 is the first there ever was, and no rollout
	s.rollOutAndTest("v2", began, released)
	last := s.rollOutAndTest("v3", began, released, reverted)
	if !strings.Contains(last.Message, "metric error-rate") || !strings.Contains(last.Message, "range [0, 0.05]") {
		t.Errorf("the bad rollout is explained by: %s", last.Message)
	}
}

// awaitRecorded waits until Prometheus has scraped both pods of a ReplicaSet of
// web several times, each with more requests answered than the time before.
func (s *shop) awaitRecorded(set string) {
	s.t.Helper()
	query := fmt.Sprintf(`count(increase(http_requests_total{namespace=%q, pod=~"%s-[a-z0-9]+", code="200"}[10s]) > 0)`, s.namespace, set)
	until(s, "Prometheus has seen both pods of "+set+" answer", func() bool { return s.answer(query) == "2" })
}

// answer is the value of the only series that a query gives, "" where it gives none.
func (s *shop) answer(query string) string {
	s.t.Helper()
	address := world.cluster.PrometheusURL() + "/api/v1/query?query=" + url.QueryEscape(query)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		s.t.Fatal(err)
	}
	if len(answer.Data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1])
}

// rollOutAndTest rolls a version out and tests the plan until it has decided
// about all rollouts there were; it returns the last of them.
func (s *shop) rollOutAndTest(version string, since time.Time, want ...string) backtested {
	s.t.Helper()
	args := []string{}
	if want[len(want)-1] == reverted {
		args = append(args, "--error-rate=0.5")
	}
	s.must("apply", "-f", "-", annotate(s.web(version, args...), `holdfast.dev/canary: disabled`))
	s.awaitAvailable()
	s.wantImage(version)
	deadline := time.After(patience)
	for {
		rollouts := s.backtest(since)
		decided := len(rollouts) == len(want)
		for _, e := range rollouts {
			decided = decided && e.Outcome != undecided
		}
		if decided {
			for i, e := range rollouts {
				if e.Outcome != want[i] {
					s.t.Fatalf("rollout %d, of %s: %s (%s), want %s", i+1, e.ReplicaSet, e.Outcome, e.Message, want[i])
				}
			}
			return rollouts[len(want)-1]
		}
		select {
		case <-deadline:
			s.t.Fatalf("no decision about %d rollouts: %+v", len(want), rollouts)
		case <-time.After(time.Second):
		}
	}
}

// backtest runs the program, as people do, outside of the cluster.
func (s *shop) backtest(since time.Time) []backtested {
	s.t.Helper()
	program := exec.CommandContext(s.t.Context(), filepath.Join(world.cluster.Dir(), "images", "holdfast"), "backtest",
		"--plan=-", "--namespace", s.namespace, "--deployment=web", "--prometheus-url", world.cluster.PrometheusURL(),
		"--prometheus-scrape-interval=1s", "--from", since.UTC().Format(time.RFC3339), "-o=json")
	var out, said bytes.Buffer
	program.Stdin, program.Stdout, program.Stderr = strings.NewReader(quickPlan), &out, &said
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
		s.t.Fatalf("holdfast backtest: %v\n%s%s", err, out.String(), said.String())
	}
	return report.Rollouts
}
