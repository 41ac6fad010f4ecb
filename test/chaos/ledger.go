package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Outcome is what came of an update that asks for a new pod template.
type Outcome string

// The outcomes.
const (
	// Held: it waits for a verdict.
	Held Outcome = "held"
	// Refused: Holdfast could not be asked, and the namespace requires it.
	Refused Outcome = "refused"
	// Told: it passed without a canary, and the answer says so and why.
	Told Outcome = "told"
	// Ungated: it passed without a canary, and nothing was said.
	Ungated Outcome = "ungated"
	// Unanswered: the API server itself did not answer, or not with its own words.
	Unanswered Outcome = "unanswered"
	// Failed: any other error.
	Failed Outcome = "failed"
)

// entry is one update of a Deployment's pod template and its answer.
type entry struct {
	target target
	sent   time.Time
	// image is the one asked for, never asked for before.
	image string
	// bad says that its pods crash.
	bad     bool
	outcome Outcome
	// hold and run are those of a Held update.
	hold, run string
	// withdrawn says that it was taken back afterwards.
	withdrawn bool
	// said is the error or warning it came with.
	said string
	// fault is the name of the fault that was on, "" for none.
	fault string
}

// target is a Deployment.
type target struct{ namespace, name string }

// ledger has all that was sent.
type ledger struct {
	mu      sync.Mutex
	fault   string
	entries []entry
}

// begin says which fault is on from now, "" for none.
func (l *ledger) begin(fault string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = fault
}

// during is the fault that is on.
func (l *ledger) during() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// add writes down an answered update. One sent before a fault and answered in it is the fault's.
func (l *ledger) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.fault == "" {
		e.fault = l.fault
	}
	l.entries = append(l.entries, e)
}

// withdraw notes that the last update of a Deployment was taken back, or may have been.
func (l *ledger) withdraw(t target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.entries) - 1; i >= 0; i-- {
		if l.entries[i].target == t {
			l.entries[i].withdrawn = true
			return
		}
	}
}

// of are the updates of one Deployment in the order they were sent.
func (l *ledger) of(t target) []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []entry
	for _, e := range l.entries {
		if e.target == t {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b entry) int { return a.sent.Compare(b.sent) })
	return out
}

// report is a table of what each fault cost, and the first words of each kind of trouble.
func (l *ledger) report(injected []fault) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out strings.Builder
	outcomes := []Outcome{Held, Refused, Told, Ungated, Unanswered, Failed}
	out.WriteString("\n| fault | times | updates sent |")
	for _, o := range outcomes {
		fmt.Fprintf(&out, " %s |", o)
	}
	out.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(outcomes)) + "\n")
	for _, name := range append([]string{""}, distinct(names(injected))...) {
		times := 0
		for _, f := range injected {
			if f.name == name {
				times++
			}
		}
		counts, sent := map[Outcome]int{}, 0
		for _, e := range l.entries {
			if e.fault == name {
				counts[e.outcome]++
				sent++
			}
		}
		fmt.Fprintf(&out, "| %s | %d | %d |", cmp.Or(name, "none"), times, sent)
		for _, o := range outcomes {
			fmt.Fprintf(&out, " %d |", counts[o])
		}
		out.WriteString("\n")
	}
	out.WriteString("\n" + l.words())
	return out.String()
}

// words are what was said first of each kind of trouble in each fault.
func (l *ledger) words() string {
	seen, out := map[string]bool{}, ""
	for _, e := range l.entries {
		key := e.fault + "/" + string(e.outcome)
		if e.said == "" || e.outcome == Held || seen[key] {
			continue
		}
		seen[key] = true
		out += fmt.Sprintf("%s, %s: %.300s\n", cmp.Or(e.fault, "no fault"), e.outcome, e.said)
	}
	return out
}

// brokenPromises are updates that a fault must not cost, and did.
func (l *ledger) brokenPromises(injected []fault) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	allowed := map[string][]Outcome{"": {Held}}
	for _, f := range injected {
		allowed[f.name] = append([]Outcome{Held}, f.costs...)
	}
	var out []string
	for _, e := range l.entries {
		if !slices.Contains(allowed[e.fault], e.outcome) {
			out = append(out, fmt.Sprintf("%s: the update of %s/%s to %s was %s: %.300s", cmp.Or(e.fault, "without a fault"), e.target.namespace, e.target.name, e.image, e.outcome, e.said))
		}
	}
	return out
}

func names(faults []fault) []string {
	var out []string
	for _, f := range faults {
		out = append(out, f.name)
	}
	return out
}

func distinct(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}
