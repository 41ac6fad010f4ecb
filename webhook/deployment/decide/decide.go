// Package decide says what becomes of an update of a guarded Deployment. It is
// pure: a view of the request in, a decision with its reason out.
package decide

import "holdfast.dev/holdfast/internal/hold"

// Input is what a decision rests on. Templates are known by their hashes.
type Input struct {
	// OptedOut: neither the namespace nor the Deployment asks for canaries (any
	// longer), or the Deployment is annotated as disabled.
	OptedOut bool
	// Insists says that a policy wants every update tried, also where no stable
	// pod runs: whoever can scale could go without a canary otherwise.
	Insists bool
	// Required says that no update may go without a canary that can have one.
	Required bool
	// Alone says that the strategy is Recreate, by which no pod of another template runs beside the
	// Deployment's own, and that nobody has asked for one all the same.
	Alone bool
	// Stable is the template the Deployment runs.
	Stable hold.Hash
	// Held is the held template, "" without a hold.
	Held hold.Hash
	// Failed says that the run which tries the held template has found that it fails, and
	// keeps it for people to look at.
	Failed bool
	// Desired is the template the request asks for.
	Desired hold.Hash
	// RollsBack says that Desired is the template of a ReplicaSet that was made
	// for the Deployment and is there still.
	RollsBack bool
	// Rejection is that of Desired, nil if it was never rejected or the user
	// asked for another try.
	Rejection *hold.Rejection
	// Skip says that the user asks to go without a canary, and may.
	Skip bool
	// Asks says that the request asks for a template, and is not about something else.
	Asks bool
	// Replicas is how many replicas the request asks for, Ready how many of the
	// Deployment's pods are Ready now.
	Replicas, Ready int64
}

// Effect is what becomes of the template and the record. The zero value is invalid.
type Effect string

// The effects.
const (
	// Pass: the desired template becomes the stable one at once, and no record is left.
	Pass Effect = "Pass"
	// Hold: the stable template stays, and a new record holds the desired one.
	Hold Effect = "Hold"
	// Keep: the stable template and the record stay as they are.
	Keep Effect = "Keep"
	// Drop: the stable template stays, and no record is left.
	Drop Effect = "Drop"
	// Refuse: the request is refused.
	Refuse Effect = "Refuse"
)

// Reason is one word for why.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	ReasonOptedOut     Reason = "OptedOut"
	ReasonUnchanged    Reason = "Unchanged"
	ReasonWithdrawn    Reason = "Withdrawn"
	ReasonAlreadyHeld  Reason = "AlreadyHeld"
	ReasonRollback     Reason = "Rollback"
	ReasonSkipped      Reason = "Skipped"
	ReasonRejected     Reason = "Rejected"
	ReasonScaledToZero Reason = "ScaledToZero"
	ReasonNoneReady    Reason = "NoneReady"
	ReasonRecreate     Reason = "Recreate"
	ReasonSuperseding  Reason = "Superseding"
	ReasonNewTemplate  Reason = "NewTemplate"
)

// Decision is what becomes of an update, and why.
type Decision struct {
	Effect Effect
	Reason Reason
}

// Decisions are all that Decide can come to, for the labels of metrics.
var Decisions = []Decision{
	{Pass, ReasonOptedOut},
	{Pass, ReasonUnchanged},
	{Drop, ReasonWithdrawn},
	{Keep, ReasonAlreadyHeld},
	{Pass, ReasonRollback},
	{Pass, ReasonSkipped},
	{Drop, ReasonRejected},
	{Pass, ReasonScaledToZero},
	{Pass, ReasonNoneReady},
	{Refuse, ReasonRecreate},
	{Pass, ReasonRecreate},
	{Hold, ReasonSuperseding},
	{Hold, ReasonNewTemplate},
}

// Decide says what becomes of an update. The first of these that holds decides: whoever opted out is left
// alone; asking for the stable template asks for no canary, and withdraws a held update; asking again for the
// held template changes nothing, unless a user who may wants it to pass, or no stable pod is Ready any more
// and it has not failed, where it passes as any other template would; a rollback is never made to wait; who
// may skips the canary; a rejected template is not tried twice; where no stable pod is Ready there is nothing
// to protect, unless a policy insists; and beside a Deployment that is to be alone nothing is tried: the
// update passes, or is refused where canaries are required.
func Decide(v Input) Decision {
	held := v.Held != ""
	switch {
	case v.OptedOut:
		return Decision{Pass, ReasonOptedOut}
	case v.Desired == v.Stable && held:
		return Decision{Drop, ReasonWithdrawn}
	case v.Desired == v.Stable:
		return Decision{Pass, ReasonUnchanged}
	case held && v.Desired == v.Held && !v.Skip && v.Asks && v.Replicas > 0 && v.Ready == 0 && !v.Failed && !v.Insists:
		return Decision{Pass, ReasonNoneReady}
	case held && v.Desired == v.Held && !v.Skip:
		return Decision{Keep, ReasonAlreadyHeld}
	case v.RollsBack:
		return Decision{Pass, ReasonRollback}
	case v.Skip:
		return Decision{Pass, ReasonSkipped}
	case v.Rejection != nil:
		return Decision{Drop, ReasonRejected}
	case v.Replicas == 0 && !v.Insists:
		return Decision{Pass, ReasonScaledToZero}
	case v.Ready == 0 && !v.Insists:
		return Decision{Pass, ReasonNoneReady}
	case v.Alone && v.Required:
		return Decision{Refuse, ReasonRecreate}
	case v.Alone:
		return Decision{Pass, ReasonRecreate}
	case held:
		return Decision{Hold, ReasonSuperseding}
	}
	return Decision{Hold, ReasonNewTemplate}
}
