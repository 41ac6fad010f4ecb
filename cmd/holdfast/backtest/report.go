package backtest

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/backtest"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/band"
)

// Report is what the command found.
type Report struct {
	Plan       string    `json:"plan"`
	Namespace  string    `json:"namespace"`
	Deployment string    `json:"deployment"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Decisions  []Entry   `json:"rollouts"`
}

// Entry is a rollout and what would have become of it.
type Entry struct {
	Began      time.Time `json:"began"`
	ReplicaSet string    `json:"replicaSet,omitempty"`
	Stable     []string  `json:"stable,omitempty"`
	backtest.Judgement
}

func reported(judgements []backtest.Judgement) []Entry {
	out := []Entry{}
	for _, d := range judgements {
		out = append(out, Entry{Began: d.Rollout.At, ReplicaSet: d.Rollout.ReplicaSet, Stable: d.Rollout.Stable, Judgement: d})
	}
	return out
}

// Sentence says what would have become of the update, and when.
func (e Entry) Sentence() string {
	took := lifecycle.Short(e.At.Sub(e.Began).Truncate(time.Second))
	at := fmt.Sprintf("at %s, %s after it began", stamp(e.At), took)
	switch e.Outcome {
	case backtest.Released:
		if e.ReleasedAt != nil && e.ReleasedAt.After(e.At) {
			return fmt.Sprintf("would have passed %s, and been released when the freeze window ended, at %s", at, stamp(*e.ReleasedAt))
		}
		return "would have been released " + at
	case backtest.Passed:
		return "would have passed " + at + "; the plan is a dry run, which releases nothing"
	case backtest.Reverted:
		return "would have been reverted " + at
	case backtest.Frozen:
		return "would have failed and been frozen " + at
	case backtest.Inconclusive:
		return "would have been paused as inconclusive " + at
	default:
		return "is undecided"
	}
}

func writeJSON(w io.Writer, r Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func writeText(w io.Writer, r Report) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Plan %s on Deployment %s/%s, %s to %s: ", r.Plan, r.Namespace, r.Deployment, stamp(r.From), stamp(r.To))
	switch n := len(r.Decisions); n {
	case 0:
		out.WriteString("no rollout was found\n")
	case 1:
		out.WriteString("1 rollout\n")
	default:
		fmt.Fprintf(&out, "%d rollouts\n", n)
	}
	for _, e := range r.Decisions {
		fmt.Fprintf(&out, "\n%s  %s  %s\n", stamp(e.Began), e.name(), e.Sentence())
		if e.Message != "" {
			fmt.Fprintf(&out, "  because: %s\n", e.Message)
		}
		writeMetrics(&out, e.Metrics)
		for _, note := range e.Notes {
			fmt.Fprintf(&out, "  note: %s\n", note)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (e Entry) name() string {
	if e.ReplicaSet == "" {
		return "(no ReplicaSet)"
	}
	return e.ReplicaSet
}

func writeMetrics(out io.Writer, metrics []backtest.Measured) {
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for i, m := range metrics {
		if i == 0 {
			fmt.Fprintln(table, "  METRIC\tPASSED\tFAILED\tERROR\tNO DATA\tLAST\tWANTED")
		}
		last := m.Measurements[len(m.Measurements)-1]
		fmt.Fprintf(table, "  %s\t%d\t%d\t%d\t%d\t%s\t%s\n", m.Name,
			m.Count(v1alpha1.OutcomePassed), m.Count(v1alpha1.OutcomeFailed), m.Count(v1alpha1.OutcomeError), m.Count(v1alpha1.OutcomeNoData),
			short(last.Value), last.Range)
	}
	_ = table.Flush() // out takes everything
}

// short writes a value with as many digits as people read.
func short(value string) string {
	if v, ok := band.Number(value); ok && !strings.Contains(value, " ") {
		return fmt.Sprintf("%.4g", v)
	}
	if value == "" {
		return "-"
	}
	return value
}
