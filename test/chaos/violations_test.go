package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

var (
	web   = target{"shop", "web"}
	epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// story is what was sent to web and what became of it.
type story struct {
	entries []entry
	facts   facts
}

// released is a story in which all is well: c1 was held, tried and released.
func released() story {
	return story{
		entries: []entry{{target: web, sent: epoch, image: "c1", outcome: Held, hold: "h1", run: "web-1"}},
		facts: facts{
			trials:    []trial{{target: web, name: "web-1", hold: "h1", made: epoch, phase: v1alpha1.PhaseReleased}},
			revisions: map[target][]revision{web: {{firstImage, epoch.Add(-time.Hour)}, {"c1", epoch.Add(2 * period)}}},
			now:       map[target]string{web: "c1"},
			told:      map[target]bool{},
		},
	}
}

func TestViolationsAreSeen(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(*story)
		want    string // part of the only violation, "" for none
		injects []fault
	}{
		{"all is well", func(*story) {}, "", nil},
		{"something is left of a hold", func(s *story) { s.facts.unfinished = []string{"Pod shop/web-1"} }, "Pod shop/web-1", nil},
		{"a template came before a verdict", func(s *story) { s.facts.revisions[web][1].made = epoch.Add(time.Second) }, "could have a verdict", nil},
		{"a rejected template runs", func(s *story) { s.facts.trials[0].phase = v1alpha1.PhaseReverted }, "is Reverted", nil},
		{"a template that crashes was released", func(s *story) { s.entries[0].bad = true }, "whose pods crash", nil},
		{"a template runs that was never tried", func(s *story) {
			s.facts.trials = nil
			s.entries = append(s.entries, entry{target: web, sent: epoch.Add(time.Hour), image: "c2", outcome: Refused})
		}, "held and never tried", []fault{{costs: []Outcome{Refused}}}},
		{"a template runs that nobody asked for", func(s *story) {
			s.facts.revisions[web] = append(s.facts.revisions[web], revision{"c7", epoch})
		}, "nobody asked for", nil},
		{"a hold was tried twice", func(s *story) {
			s.facts.trials = append(s.facts.trials, trial{target: web, hold: "h1", phase: v1alpha1.PhaseReverted})
		}, "has 2 runs", nil},
		{"what was released does not run", func(s *story) { s.facts.now[web] = firstImage }, "was released and", nil},
		{"what was released was taken back at that moment", func(s *story) {
			s.facts.now[web], s.entries[0].withdrawn = firstImage, true
		}, "", nil},
		{"the last update was lost", func(s *story) {
			s.entries = append(s.entries, entry{target: web, sent: epoch.Add(time.Minute), image: "c2", outcome: Held, hold: "h2"})
		}, "no run has tried it", nil},
		{"what was refused runs", func(s *story) { s.entries[0].outcome = Refused }, "which was refused", []fault{{costs: []Outcome{Refused}}}},
		{"an update without an answer was held and released", func(s *story) {
			s.entries[0] = entry{target: web, image: "c1", outcome: Unanswered}
		}, "", []fault{{costs: mute}}},
		{"an update without an answer passed, and nobody was told", func(s *story) {
			s.entries[0] = entry{target: web, image: "c1", outcome: Unanswered}
			s.facts.trials = nil
		}, "nobody was told", []fault{{costs: mute}}},
		{"an ungated update was not reported", func(s *story) { s.entries[0].outcome = Ungated }, "was not reported", []fault{{costs: absent}}},
		{"an ungated update where none is promised", func(s *story) {
			s.entries[0].outcome, s.facts.told[web] = Ungated, true
		}, "was ungated", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, l := released(), &ledger{}
			tc.change(&s)
			for _, e := range s.entries {
				l.add(e)
			}
			got := append(s.facts.violations(l, []target{web}), l.brokenPromises(tc.injects)...)
			switch {
			case tc.want == "" && len(got) > 0:
				t.Errorf("violations %q, want none", got)
			case tc.want != "" && (len(got) != 1 || !strings.Contains(got[0], tc.want)):
				t.Errorf("violations %q, want one with %q", got, tc.want)
			}
		})
	}
}

// TestTheReportCounts: the faults are in it, and what each cost.
func TestTheReportCounts(t *testing.T) {
	l := &ledger{}
	l.add(entry{target: web, outcome: Held})
	l.begin("the cable is out")
	l.add(entry{target: web, outcome: Ungated})
	l.add(entry{target: web, outcome: Refused, said: "no"})
	got := l.report([]fault{{name: "the cable is out"}})
	for _, want := range []string{"| none | 0 | 1 | 1 |", "| the cable is out | 1 | 2 | 0 | 1 | 0 | 1 |", "the cable is out, refused: no"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in:\n%s", want, got)
		}
	}
}

// TestTheOrderOfFaultsIsOfTheSeed and nothing is left out.
func TestTheOrderOfFaultsIsOfTheSeed(t *testing.T) {
	order := func(seed uint64) string { return fmt.Sprint(names(chosenFaults(choices{seed: seed, rounds: 2}))) }
	if first, again := order(1), order(1); first != again || first == order(2) {
		t.Error("the order is not that of the seed")
	}
	if got, want := len(distinct(names(chosenFaults(choices{seed: 3, rounds: 2})))), len(faults(choices{})); got != want {
		t.Errorf("%d faults are chosen, there are %d", got, want)
	}
}
