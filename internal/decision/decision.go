// Package decision says which fields of a run a person's decision changes, and why it cannot be made where it
// would do nothing.
//
// It is pure. The API server and Holdfast have the last word: what is refused here they would refuse, or take
// and never act on.
package decision

import (
	"fmt"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Verb is what a person does to a run.
type Verb string

// The verbs.
const (
	Promote Verb = "promote"
	Abort   Verb = "abort"
	Pause   Verb = "pause"
	Resume  Verb = "resume"
	Approve Verb = "approve"
	Retry   Verb = "retry"
)

// Decider is who decides and why, in their own words.
type Decider struct{ Name, Reason string }

// Edit is what becomes of a run.
type Edit struct {
	// Spec are the fields that change, nil if the run is as it was asked for already.
	Spec map[string]any
	// Says is that for people, behind the name of the run.
	Says string
}

// Apply is the change that a verb makes to a run, or why it makes none.
func Apply(run *v1alpha1.CanaryRun, verb Verb, by Decider) (Edit, error) {
	s := run.Status
	if s.Phase.Ended() {
		return Edit{}, fmt.Errorf("run %s has ended: it is %s (%s), so there is nothing left to %s%s", run.Name, s.Phase, s.Reason, verb, insteadOf(run, verb))
	}
	switch verb {
	case Promote:
		return decide(run, v1alpha1.DecisionPromote, by, "promoted")
	case Abort:
		return decide(run, v1alpha1.DecisionAbort, by, "aborted")
	}
	if s.Phase == v1alpha1.PhaseReleasing {
		return Edit{}, fmt.Errorf("run %s is being released; of that only abort keeps it", run.Name)
	}
	if run.Spec.Decision != "" {
		return Edit{}, fmt.Errorf("run %s has the decision %s, which stands", run.Name, run.Spec.Decision)
	}
	switch verb {
	case Pause:
		if run.Spec.Paused {
			return Edit{Says: "is paused already"}, nil
		}
		return Edit{map[string]any{"paused": true}, "paused"}, nil
	case Resume:
		return resume(run)
	case Approve:
		return approve(run)
	case Retry:
		next := max(run.Spec.Attempt, max(s.Attempt, 1)) + 1
		return Edit{map[string]any{"attempt": next}, fmt.Sprintf("retried: attempt %d begins anew with fresh pods", next)}, nil
	}
	return Edit{}, fmt.Errorf("%q is no decision", verb)
}

// insteadOf is what can be done instead about a run that has ended.
func insteadOf(run *v1alpha1.CanaryRun, verb Verb) string {
	switch {
	case run.Spec.ByHand():
		return "; make another run instead"
	case run.Status.Phase == v1alpha1.PhaseReverted && (verb == Promote || verb == Retry):
		return fmt.Sprintf("; to have the update tried again: kubectl holdfast retry -n %s deployment/%s", run.Namespace, run.Spec.Deployment)
	case run.Status.Phase == v1alpha1.PhaseReleased && verb == Abort:
		return fmt.Sprintf("; to go back: kubectl rollout undo -n %s deployment/%s", run.Namespace, run.Spec.Deployment)
	}
	return ""
}

func decide(run *v1alpha1.CanaryRun, d v1alpha1.Decision, by Decider, said string) (Edit, error) {
	switch has := run.Spec.Decision; {
	case has == d:
		return Edit{Says: "is " + said + " already"}, nil
	case has != "":
		return Edit{}, fmt.Errorf("run %s has the decision %s, which stands", run.Name, has)
	case d == v1alpha1.DecisionPromote && run.Status.Phase == v1alpha1.PhaseReleasing:
		return Edit{Says: "is being released already"}, nil
	}
	spec := map[string]any{"decision": d}
	if by.Name != "" {
		spec["decidedBy"] = by.Name
	}
	if by.Reason != "" {
		spec["decisionReason"] = by.Reason
	}
	return Edit{spec, said}, nil
}

func resume(run *v1alpha1.CanaryRun) (Edit, error) {
	if run.Spec.Paused {
		return Edit{map[string]any{"paused": false}, "resumed"}, nil
	}
	if run.Status.Phase != v1alpha1.PhasePaused {
		return Edit{Says: "is not paused"}, nil
	}
	instead := "promote, abort or retry it"
	switch run.Status.Reason {
	case v1alpha1.ReasonApproval:
		instead = "approve, promote or abort it"
	case v1alpha1.ReasonManual:
		instead = "promote or abort it"
	case v1alpha1.ReasonServiceLeft:
		instead = "it goes on by itself when that is over: " + run.Status.Message
	}
	return Edit{}, fmt.Errorf("nobody has paused run %s: it waits for something else (%s); %s", run.Name, run.Status.Reason, instead)
}

// approve lets a run leave the step at whose gate it waits.
func approve(run *v1alpha1.CanaryRun) (Edit, error) {
	step := run.Status.Step
	if run.Status.Phase != v1alpha1.PhasePaused || run.Status.Reason != v1alpha1.ReasonApproval || step == nil {
		return Edit{}, fmt.Errorf("run %s does not wait for approval: it is %s (%s)", run.Name, run.Status.Phase, run.Status.Reason)
	}
	if run.Spec.ApprovedSteps >= step.Number {
		return Edit{Says: fmt.Sprintf("has step %d approved already", step.Number)}, nil
	}
	return Edit{map[string]any{"approvedSteps": step.Number}, fmt.Sprintf("approved: it leaves step %d", step.Number)}, nil
}
