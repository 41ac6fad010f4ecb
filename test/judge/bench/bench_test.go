package bench

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/test/judge/judges"
	"holdfast.dev/holdfast/test/judge/world"
)

func named(t *testing.T, names ...string) (out []judges.Judge) {
	t.Helper()
	for _, name := range names {
		for _, j := range judges.All() {
			if j.Name == name {
				out = append(out, j)
			}
		}
	}
	if len(out) != len(names) {
		t.Fatalf("found %d of the judges %q", len(out), names)
	}
	return out
}

// The bar with few runs of one seed: what it finds is the same every time, and a
// judgement that has lost its senses does not pass.
func TestHoldfastMeetsTheBarOnAFewRuns(t *testing.T) {
	var cells []world.Cell
	for _, c := range world.Cells(barRate) {
		if c.Factor != 1.5 && (c.Scenario == world.Steady || c.Scenario == world.Incident || c.Scenario == world.Missing) {
			cells = append(cells, c)
		}
	}
	for _, c := range Run(cells, named(t, "Holdfast"), 60, 1, func(int) {}) {
		if s := Shortfall(c.Cell, c.Scores[0]); s != "" {
			t.Errorf("%s: %s", c.Cell, s)
		}
	}
}

func TestThresholdsFailTheHealthyInAnIncident(t *testing.T) {
	cells := []world.Cell{{Rate: barRate, Scenario: world.Incident, Regression: world.Regressions[0]}}
	for _, s := range Run(cells, named(t, "Flagger, strict", "Argo Rollouts, strict"), 40, 1, func(int) {})[0].Scores {
		if s.Reverted < 20 {
			t.Errorf("%d of 40 healthy runs were reverted: the incident is none", s.Reverted)
		}
	}
}

func TestTheSameSeedBenchesTheSame(t *testing.T) {
	cells := world.Cells(1)[:3]
	all := judges.All()
	once := Run(cells, all, 20, 5, func(int) {})
	again := Run(cells[1:], all, 20, 5, func(int) {})
	if diff := cmp.Diff(once[1:], again); diff != "" {
		t.Error(diff)
	}
	other := Run(cells[1:], all, 20, 6, func(int) {})
	if cmp.Equal(again, other) {
		t.Error("another seed makes no difference")
	}
}

func TestShortfall(t *testing.T) {
	score := func(reverted, seconds int) Score {
		s := Score{}
		for i := range 100 {
			v := judges.Verdict{Outcome: judges.Released, Seconds: 1800}
			if i < reverted {
				v = judges.Verdict{Outcome: judges.Reverted, Seconds: seconds}
			}
			s.add(v)
		}
		return s
	}
	for name, tt := range map[string]struct {
		rate       float64
		regression world.Regression
		score      Score
		want       string
	}{
		"1 % of the healthy may be reverted":      {10, world.Regression{Of: world.None, Factor: 1}, score(1, 30), ""},
		"2 % may not":                             {10, world.Regression{Of: world.None, Factor: 1}, score(2, 30), "2.0 % of healthy runs reverted, at most 1 % wanted"},
		"a 5× regression must always be caught":   {10, world.Regression{Of: world.Errors, Factor: 5}, score(99, 30), "caught in 99.0 % of the runs, all wanted"},
		"and in two minutes":                      {10, world.Regression{Of: world.Errors, Factor: 5}, score(100, 150), "caught in a median of 2:30, 2:00 wanted"},
		"two minutes are soon enough":             {10, world.Regression{Of: world.Latency, Factor: 5}, score(100, 120), ""},
		"a 2× regression must mostly be caught":   {10, world.Regression{Of: world.Latency, Factor: 2}, score(89, 30), "caught in 89.0 % of the runs, 90 % wanted"},
		"at any time":                             {10, world.Regression{Of: world.Latency, Factor: 2}, score(90, 1800), ""},
		"the bar says nothing of 1.5×":            {10, world.Regression{Of: world.Errors, Factor: 1.5}, score(0, 0), ""},
		"nor of any rate but ten requests/second": {1, world.Regression{Of: world.Errors, Factor: 5}, score(0, 0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Shortfall(world.Cell{Rate: tt.rate, Scenario: world.Steady, Regression: tt.regression}, tt.score); got != tt.want {
				t.Errorf("Shortfall = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReportDoesNotCallTheBarMetThatWasNotTried(t *testing.T) {
	all := named(t, "Kayenta")
	var out bytes.Buffer
	Report(&out, Run(world.Cells(1)[:1], all, 5, 1, func(int) {}), all, false)
	if strings.Contains(out.String(), "met") {
		t.Errorf("the report speaks of the bar:\n%s", out.String())
	}
}

func TestReportHasEveryCellAndJudge(t *testing.T) {
	all := named(t, "Kayenta", "Holdfast")
	cells := Run(world.Cells(10)[:2], all, 5, 1, func(int) {})
	var out bytes.Buffer
	Report(&out, cells, all, true)
	for _, want := range []string{"- **Kayenta**: NetflixACAJudge", "| steady | none | 0 %", "| 10 | steady | errors 1.5× | Holdfast |", "bar (10 requests/s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}
