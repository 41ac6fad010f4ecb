package view

import (
	"cmp"
	"fmt"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/outlook"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Detail is a run that was opened.
type Detail struct {
	Card Card `json:"card"`
	// Says is the run in a sentence.
	Says  string  `json:"says"`
	Facts []Fact  `json:"facts"`
	Next  []Next  `json:"next,omitempty"`
	Chart []Chart `json:"charts,omitempty"`
	Hooks []Hook  `json:"hooks,omitempty"`
}

// Fact is a line of what is known of a run.
type Fact struct {
	Name string `json:"name"`
	Says string `json:"says"`
}

// Next is something that comes, and when, in milliseconds since 1970; 0 where nobody knows.
type Next struct {
	At   int64  `json:"at,omitempty"`
	What string `json:"what"`
}

// Hook is one that was asked.
type Hook struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Answer string `json:"answer,omitempty"`
	Says   string `json:"says,omitempty"`
	Since  int64  `json:"since,omitempty"`
}

// DetailOf is a run that is opened at a time. minReady is how long its pods must be Ready to count as
// available.
func DetailOf(run *v1alpha1.CanaryRun, minReady time.Duration, now time.Time) Detail {
	d := Detail{Card: CardOf(run), Says: says(run), Facts: factsOf(run), Chart: chartsOf(run)}
	for _, c := range outlook.Next(run, minReady, now) {
		next := Next{What: line(c.What)}
		if !c.At.IsZero() {
			next.At = c.At.UnixMilli()
		}
		d.Next = append(d.Next, next)
	}
	for _, h := range run.Status.Hooks {
		hook := Hook{Name: short(h.Name), Type: short(string(h.Type)), Answer: short(string(h.Answer)), Says: line(h.Message)}
		if h.Since != nil {
			hook.Since = h.Since.UnixMilli()
		}
		d.Hooks = append(d.Hooks, hook)
	}
	return d
}

func says(run *v1alpha1.CanaryRun) string {
	s := run.Status
	if s.Phase == "" {
		return "The run has not begun."
	}
	text := string(s.Phase)
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	if s.Message != "" {
		text += ": " + s.Message
	}
	return line(text)
}

func factsOf(run *v1alpha1.CanaryRun) []Fact {
	s := run.Status
	var out []Fact
	add := func(name, format string, args ...any) {
		out = append(out, Fact{name, line(fmt.Sprintf(format, args...))})
	}
	if s.Verdict != "" {
		add("Verdict", "%s", s.Verdict)
	}
	if d := run.Spec; d.Decision != "" {
		text := fmt.Sprintf("%s, by %s", d.Decision, cmp.Or(d.DecidedBy, "a person"))
		if d.DecisionReason != "" {
			text += ": " + d.DecisionReason
		}
		add("Decision", "%s", text)
	}
	add("Plan", "%s", cmp.Or(outlook.PlanName(run), "none"))
	if n := max(s.Attempt, 1); n > 1 {
		add("Attempt", "%d", n)
	}
	if s.Scale != "" {
		add("Canary pods", "%s ready", s.Scale)
	}
	switch {
	case s.Traffic == "":
	case s.Service == "" || s.Traffic == "none":
		add("Traffic", "%s", s.Traffic)
	default:
		add("Traffic", "%s, by Service %s", s.Traffic, s.Service)
	}
	if s.Validation != "" {
		add("Good measurements", "%s", s.Validation)
	}
	for _, p := range run.Spec.Policies {
		add("Policy "+plaintext.Line(p.Policy, maxShort), "%s is %s instead of %s", p.Field, cmp.Or(p.To, "nothing"), cmp.Or(p.From, "nothing"))
	}
	return out
}
