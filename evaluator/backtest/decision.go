package backtest

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Fate is what would have become of an update.
type Fate string

// The outcomes.
const (
	// Released: the update passed and was released.
	Released Fate = "Released"
	// Passed: the update passed, and the plan is one that releases nothing.
	Passed Fate = "Passed"
	// Reverted: the update was rejected.
	Reverted Fate = "Reverted"
	// Frozen: the update failed and stayed held, with its canary.
	Frozen Fate = "Frozen"
	// Inconclusive: the update stayed held and waited for a person.
	Inconclusive Fate = "Inconclusive"
	// Undecided: what was recorded ends before there is a verdict.
	Undecided Fate = "Undecided"
)

// Judgement is what a plan would have decided about a rollout.
type Judgement struct {
	Rollout Rollout `json:"-"`
	Outcome Fate    `json:"outcome"`
	// At is when it would have been decided, ReleasedAt when it would have been
	// released: later, where a freeze window was open.
	At         time.Time  `json:"at"`
	ReleasedAt *time.Time `json:"releasedAt,omitempty"`
	// Reason and Message are those that the run would have had.
	Verdict v1alpha1.Verdict `json:"verdict,omitempty"`
	Reason  string           `json:"reason,omitempty"`
	Message string           `json:"message,omitempty"`
	// ReadyAt is when the stand-in of the canary was Ready, zero if it never was.
	ReadyAt time.Time `json:"readyAt,omitzero"`
	// Metrics is all that was measured, by metric in the order of the plan.
	Metrics []Measured `json:"metrics,omitempty"`
	// Notes say what had to be assumed.
	Notes []string `json:"notes,omitempty"`
}

// Measured is all that was measured of a metric, oldest first.
type Measured struct {
	Name         string                 `json:"name"`
	Measurements []v1alpha1.Measurement `json:"measurements"`
}

// Count is how many measurements had an outcome.
func (m Measured) Count(outcome v1alpha1.Outcome) int {
	n := 0
	for _, each := range m.Measurements {
		if each.Outcome == outcome {
			n++
		}
	}
	return n
}
