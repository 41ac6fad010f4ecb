package lifecycle

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What a person writes into the spec of a run is acted on whatever was measured,
// as long as the run has not ended:
//
//   - a decision first: Promote releases, Abort reverts;
//   - then a new attempt, which begins anew with fresh pods;
//   - then paused. A paused run measures nothing. What was measured before stays;
//     when the run goes on, the step under way is measured from its beginning,
//     for nobody knows what the canary did meanwhile.

// abort: what a person aborts is reverted and remembered. The reason is written
// first, so that it is the same whoever goes on from there.
func (s *planner) abort() Move {
	message := decided(s.in.Run.Spec, "aborted")
	if s.byHand {
		return s.end(v1alpha1.PhaseReverted, v1alpha1.ReasonAborted, message)
	}
	if s.out.Reason == v1alpha1.ReasonAborted {
		return s.conclude(v1alpha1.PhaseReverted)
	}
	phase := s.out.Phase
	if phase == "" {
		phase = v1alpha1.PhaseWaiting
	}
	s.enter(phase, v1alpha1.ReasonAborted, message)
	return Move{Requeue: soon}
}

// promote: what a person promotes is released. Freeze windows are honoured all
// the same.
func (s *planner) promote() Move {
	message := decided(s.in.Run.Spec, "promoted")
	if s.out.Verdict != "" {
		message += fmt.Sprintf("; the verdict was %s: %s", s.out.Verdict, s.out.Message)
	}
	if s.byHand {
		return s.end(v1alpha1.PhasePassed, v1alpha1.ReasonPromoted, message)
	}
	s.enter(v1alpha1.PhaseReleasing, v1alpha1.ReasonPromoted, message)
	// Made anew, so that its time is that of this step (see releasingFor).
	meta.RemoveStatusCondition(&s.out.Conditions, v1alpha1.ConditionAnalyzed)
	status, known := analyzed[s.out.Verdict]
	if !known {
		status = analyzed[v1alpha1.VerdictInconclusive]
	}
	s.condition(v1alpha1.ConditionAnalyzed, status, v1alpha1.ReasonPromoted, message)
	return Move{Requeue: soon}
}

// decided says by whom a decision was made, and why: in their words, cut and cleaned with
// the message that they stand in.
func decided(spec v1alpha1.CanaryRunSpec, what string) string {
	message := what + " by " + cmp.Or(spec.DecidedBy, "a person")
	if spec.DecisionReason != "" {
		message += " (" + spec.DecisionReason + ")"
	}
	return message
}

// attempt is the one under way, from 1.
func (s *course) attempt() int32 { return AttemptOf(s.out) }

// AttemptOf is which attempt of its run a status is of, from 1.
func AttemptOf(status v1alpha1.CanaryRunStatus) int32 { return max(status.Attempt, 1) }

// retry begins anew, as if the run had just been made. The pods of the attempt
// before are left over, and deleted before new ones are made.
func (s *course) retry(attempt int32) Move {
	s.out = v1alpha1.CanaryRunStatus{Attempt: attempt}
	s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonRetried, fmt.Sprintf("attempt %d begins anew with fresh pods", s.out.Attempt))
	return Move{Requeue: soon}
}

// pause keeps the run where it is. One that waits for a person anyway goes on
// saying what for.
func (s *planner) pause() Move {
	if s.out.Phase != v1alpha1.PhasePaused {
		s.enter(v1alpha1.PhasePaused, v1alpha1.ReasonPausedByUser, "paused by a person; set paused to false to go on")
	}
	if s.out.CreatedAt == nil {
		return Move{}
	}
	return Move{Actions: repair(s.in, s.course)}
}

// paused: the run is paused, and no field of it says so (any longer).
func (s *planner) paused() Move {
	switch s.out.Reason {
	case v1alpha1.ReasonApproval, v1alpha1.ReasonManual, v1alpha1.ReasonGateClosed:
		return s.measure()
	}
	if s.out.CreatedAt == nil {
		return s.wait()
	}
	if s.out.Reason == v1alpha1.ReasonServiceLeft {
		if p, aside := s.aside(); aside {
			return p
		}
		if s.trouble(s.in.Pods, s.in.Now).reason != "" { // be it by all the requests
			return s.startOver()
		}
	}
	return s.begin(s.number(), v1alpha1.ReasonResumed)
}

// atGate says whether the period of a step was good and a person, or a hook, must let the run
// through. It is measured on meanwhile, and what goes bad fails it; it goes on from
// there only if its newest measurements are good.
func (s *course) atGate() bool { return s.out.Phase == v1alpha1.PhasePaused }

// keepAtGate says for whom the run waits while its newest measurements are not all good.
func (s *course) keepAtGate() {
	who := "a person must decide"
	if s.out.Reason == v1alpha1.ReasonGateClosed {
		who = "a hook must say yes"
	}
	s.enter(s.out.Phase, s.out.Reason, who+", and not before the newest measurements are all good again")
}

// awaitDecision: the analysis is good, and the plan wants a person's verdict too.
func (s *planner) awaitDecision(message string) Move {
	deadline := s.manualDeadline(s.in.Now)
	if !s.in.Now.Before(deadline) { // what else could be assumed has been (see manualLate)
		return s.judge(v1alpha1.VerdictPass, v1alpha1.ReasonPeriodOver, message+
			"; nobody decided otherwise within "+Short(s.plan.Manual.Deadline.Duration))
	}
	s.enter(v1alpha1.PhasePaused, v1alpha1.ReasonManual, fmt.Sprintf(
		"the analysis is good and a person must decide: set decision to Promote or Abort; %s after Ready, %s is assumed",
		Short(s.plan.Manual.Deadline.Duration), s.plan.Manual.Assume))
	return Move{Actions: repair(s.in, s.course), Requeue: s.in.until(deadline)}
}
