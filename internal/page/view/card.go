package view

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/outlook"
	"holdfast.dev/holdfast/internal/decision"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Group is where a card is listed.
type Group string

// The groups, in the order in which they are listed.
const (
	// GroupAsks: nothing happens until a person does something.
	GroupAsks Group = "asks"
	// GroupUnderway: the run goes on by itself.
	GroupUnderway Group = "underway"
	// GroupEnded: nothing happens any more.
	GroupEnded Group = "ended"
)

// Tone is how a phase looks: beside its word, which alone says what it is.
type Tone string

// The tones.
const (
	ToneGood  Tone = "good"
	ToneBad   Tone = "bad"
	ToneBusy  Tone = "busy"
	ToneAsks  Tone = "asks"
	ToneQuiet Tone = "quiet"
)

// Card is a run at a glance. All of it follows from the run alone: what moves with time is given as numbers,
// from which the browser goes on by itself.
type Card struct {
	// Key is namespace/name, UID tells a run from another one of its name.
	Key        string `json:"key"`
	UID        string `json:"uid"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	Deployment string `json:"deployment"`

	Phase   string `json:"phase"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	Group   Group  `json:"group"`
	Tone    Tone   `json:"tone"`

	Progress *Progress `json:"progress,omitempty"`
	Scale    string    `json:"scale,omitempty"`
	Traffic  string    `json:"traffic,omitempty"`
	Metrics  []Mini    `json:"metrics,omitempty"`

	// Created and Ended are in milliseconds since 1970, as all times are that the browser gets.
	Created int64 `json:"created"`
	Ended   int64 `json:"ended,omitempty"`
	// Offers are the verbs that would do something to the run now.
	Offers []decision.Verb `json:"offers,omitempty"`
}

// Progress is how far a run has come in the steps of its plan.
type Progress struct {
	// Steps are all of the plan, Step the one under way, from 1.
	Steps []Step `json:"steps"`
	Step  int    `json:"step"`
	// Measured is how many seconds it has been measured, of Total. While Since is set they have run on since
	// then.
	Measured float64 `json:"measured"`
	Total    float64 `json:"total"`
	Since    int64   `json:"since,omitempty"`
	// Limit is where a run that is measured stands still, at the end of its step.
	Limit float64 `json:"limit"`
	// Says is the step in words.
	Says string `json:"says"`
}

// Step is a step of a plan.
type Step struct {
	Seconds  float64 `json:"seconds"`
	Says     string  `json:"says"`
	Approval bool    `json:"approval,omitempty"`
}

// Mini is a metric at a glance.
type Mini struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Value   string `json:"value,omitempty"`
	Wanted  string `json:"wanted,omitempty"`
	// Spark are the last rounds, each between 0 and 1 of the scale, or -1 where there is no number.
	Spark []Dot `json:"spark"`
}

// Dot is a round in a sparkline.
type Dot struct {
	Level   float64 `json:"level"`
	Outcome string  `json:"outcome"`
}

// The longest that texts of objects are, in bytes.
const (
	maxShort = 300
	maxText  = 2000
)

func short(text string) string { return plaintext.Line(text, maxShort) }
func line(text string) string  { return plaintext.Line(text, maxText) }

// CardOf is the card of a run.
func CardOf(run *v1alpha1.CanaryRun) Card {
	s := run.Status
	c := Card{
		Key: run.Namespace + "/" + run.Name, UID: string(run.UID), Namespace: run.Namespace, Name: run.Name, Deployment: short(run.Spec.Deployment),
		Phase: cmp.Or(short(string(s.Phase)), "Not begun"), Reason: short(s.Reason), Message: line(s.Message), Group: groupOf(run), Tone: toneOf(run),
		Progress: progressOf(run), Scale: short(s.Scale), Traffic: short(s.Traffic), Created: run.CreationTimestamp.UnixMilli(),
		Offers: Offers(run),
	}
	if s.FinishedAt != nil {
		c.Ended = s.FinishedAt.UnixMilli()
	}
	if !s.Phase.Ended() {
		c.Metrics = minis(s.Metrics)
	}
	return c
}

// Offers are the verbs that would change a run as it stands, those first that people want most.
func Offers(run *v1alpha1.CanaryRun) []decision.Verb {
	var out []decision.Verb
	for _, verb := range []decision.Verb{decision.Approve, decision.Promote, decision.Pause, decision.Resume, decision.Retry, decision.Abort} {
		if edit, err := decision.Apply(run, verb, decision.Decider{}); err == nil && edit.Spec != nil {
			out = append(out, verb)
		}
	}
	return out
}

func groupOf(run *v1alpha1.CanaryRun) Group {
	switch s := run.Status; {
	case s.Phase.Ended():
		return GroupEnded
	case run.Spec.Decision != "":
		return GroupUnderway
	case s.Phase == v1alpha1.PhaseFrozen:
		return GroupAsks
	case s.Phase == v1alpha1.PhasePaused && s.Reason != v1alpha1.ReasonGateClosed && s.Reason != v1alpha1.ReasonServiceLeft:
		return GroupAsks
	}
	return GroupUnderway
}

func toneOf(run *v1alpha1.CanaryRun) Tone {
	switch s := run.Status; s.Phase {
	case v1alpha1.PhaseReleased, v1alpha1.PhasePassed, v1alpha1.PhaseReleasing:
		return ToneGood
	case v1alpha1.PhaseReverted, v1alpha1.PhaseFrozen:
		return ToneBad
	case v1alpha1.PhaseRunning, v1alpha1.PhaseStarting:
		return ToneBusy
	case v1alpha1.PhasePaused:
		return ToneAsks
	}
	return ToneQuiet
}

// progressOf is nil for a run that nothing judges, and for one of whose plan nothing is left, as caches keep
// runs that have ended.
func progressOf(run *v1alpha1.CanaryRun) *Progress {
	plan := outlook.PlanOf(run)
	if plan == nil || run.Status.Phase.Ended() {
		return nil
	}
	n := outlook.StepNumber(plan, run)
	p := &Progress{Step: n, Total: plan.Total().Seconds()}
	limit := time.Duration(0)
	steps := outlook.StepsOf(plan)
	for i, step := range steps {
		period := outlook.PeriodOf(plan, step)
		p.Steps = append(p.Steps, Step{Seconds: period.Seconds(), Says: outlook.SizeOf(step) + " for " + lifecycle.Short(period), Approval: step.Approval})
		if i < n {
			limit += period
		}
	}
	p.Limit = limit.Seconds()
	p.Says = fmt.Sprintf("step %d of %d, with %s", n, len(steps), p.Steps[n-1].Says)
	if len(steps) == 1 {
		p.Says = p.Steps[0].Says
	}
	if run.Status.Step == nil {
		p.Says = "not begun: " + p.Says
		return p
	}
	if ready := run.Status.Step.ReadyAt; run.Status.Phase == v1alpha1.PhaseRunning && ready != nil {
		p.Measured, p.Since = outlook.Elapsed(plan, run, ready.Time).Seconds(), ready.UnixMilli()
		return p
	}
	p.Measured = stopped(run, p)
	p.Limit = max(p.Limit, p.Measured)
	return p
}

// stopped is how long a run was measured that is not at present: as its status says it, or else to the end of
// the step at whose gate it waits.
func stopped(run *v1alpha1.CanaryRun, p *Progress) float64 {
	said, _, _ := strings.Cut(run.Status.Duration, "/")
	if d, err := time.ParseDuration(said); err == nil && d >= 0 {
		return min(d.Seconds(), p.Total)
	}
	var before float64
	for _, step := range p.Steps[:p.Step-1] {
		before += step.Seconds
	}
	switch {
	case run.Status.Phase == v1alpha1.PhaseReleasing:
		return p.Total
	case run.Status.Phase == v1alpha1.PhasePaused && run.Status.Reason == v1alpha1.ReasonApproval:
		return p.Limit
	}
	return before
}
