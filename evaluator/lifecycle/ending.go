package lifecycle

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// maxRejection bounds the message of a rejection, which stands in an annotation.
const maxRejection = 300

// release: the verdict is Pass, a person promoted, or the guard was lifted. The
// webhook swaps the held template in when it sees the Release; until the record
// is gone it is sent again, for the webhook may have been down.
func (s *planner) release() Move {
	if s.out.Reason == v1alpha1.ReasonReleaseRefused {
		return s.conclude(v1alpha1.PhaseReverted)
	}
	if !s.unguarded() { // of an update whose guard was lifted nobody keeps anything any more
		if p, kept := s.keep(); kept {
			return p
		}
	}
	since := s.releasingFor(s.in.Now)
	if since > webhookGrace {
		s.enter(s.out.Phase, s.out.Reason, "the webhook has not swapped the held template in yet, trying again; is it running?")
	}
	return Move{
		Actions: []Action{Release{Hold: s.in.Run.Spec.Hold}},
		Requeue: min(max(since, releaseRetry), maxReleaseRetry),
	}
}

// keep has a run that passed wait: for its Deployment, for the end of a freeze window, until its canary has
// given way where both do not fit.
func (s *planner) keep() (Move, bool) {
	if h := keptBack(s.in, s.terms); h.reason != "" {
		s.keepFromRelease(h.reason, h.message)
		return s.in.waitOut(h), true
	}
	if p, makes := s.makeRoom(); makes {
		return p, true
	}
	return s.thaw()
}

const (
	webhookGrace    = 30 * time.Second
	releaseRetry    = 2 * time.Second
	maxReleaseRetry = time.Minute
)

// releasingFor is how long ago the run could be released first; waiting as long
// again before the next try makes a back-off that needs no memory.
func (s *course) releasingFor(now time.Time) time.Duration {
	var since time.Duration
	for i, kind := range []string{v1alpha1.ConditionAnalyzed, v1alpha1.ConditionReleaseAllowed} {
		c := s.findCondition(kind)
		if c == nil {
			continue
		}
		if d := now.Sub(c.LastTransitionTime.Time); i == 0 || d < since {
			since = d
		}
	}
	return since
}

// settle acts on a verdict that was stored, and that did not bring a release:
//
//   - Pass, where a pass releases nothing: the run ends Passed;
//   - the deadline is over: reverted;
//   - Paused or Frozen: the hold and the canary stay for people to look at, until
//     one decides, tries again, or the hold ends otherwise;
//   - anything else: reverted.
//
// Frozen or not, what failed is not released because the guard is lifted: it is
// reverted.
func (s *planner) settle() Move {
	guarded := s.in.Deployment.Guarded || s.byHand
	switch {
	case s.out.Verdict == v1alpha1.VerdictPass:
		return s.conclude(v1alpha1.PhasePassed)
	case s.out.Reason == v1alpha1.ReasonDeadline, !guarded:
		return s.conclude(v1alpha1.PhaseReverted)
	case s.out.Phase == v1alpha1.PhasePaused && s.deadlineIsOver(s.in.Now):
		return s.overdue()
	case s.out.Phase == v1alpha1.PhasePaused, s.out.Phase == v1alpha1.PhaseFrozen:
		return Move{}
	}
	return s.conclude(v1alpha1.PhaseReverted)
}

// conclude ends the hold, if there is one, and the run. The template of a dry run that was good is
// remembered too, or whoever applies it again would have it tried again.
func (s *planner) conclude(phase v1alpha1.Phase) Move {
	p := s.end(phase, s.out.Reason, s.out.Message)
	if s.byHand {
		return p
	}
	rejection := hold.Rejection{
		Hash:    hold.Hash(s.in.Run.Spec.TemplateHash),
		Run:     s.in.Run.Name,
		At:      s.in.Now.UTC().Truncate(time.Second),
		Reason:  s.out.Reason,
		Message: clip(s.out.Message, maxRejection),
		Passed:  phase == v1alpha1.PhasePassed,
	}
	p.Actions = append([]Action{Revert{Hold: s.in.Run.Spec.Hold, Rejection: rejection}}, p.Actions...)
	return p
}

// quotaPoll is how often something is tried that a quota forbids.
const quotaPoll = 30 * time.Second

// NotYet is the plan of a run whose pods the API server does not take at present,
// with its message: it is tried again, and the status says what it waits for.
func NotYet(in Snapshot, message string) Move {
	s := newPlanner(in)
	phase, reason := s.out.Phase, s.out.Reason
	if s.out.CreatedAt == nil {
		phase, reason = v1alpha1.PhaseWaiting, v1alpha1.ReasonPodsNotCreated
	}
	s.enter(phase, reason, "the API server does not take the pods of the run at present: "+message)
	return Move{Status: finish(s.in, s.course), Requeue: quotaPoll}
}

// Refused is the status of a run one of whose actions the API server refused
// for good, with its message: a release that is not admitted, a canary that
// cannot be made. ok is false for actions after which there is nothing to do
// but to try again.
func Refused(in Snapshot, action Action, message string) (status v1alpha1.CanaryRunStatus, ok bool) {
	s := newPlanner(in)
	switch a := action.(type) {
	case ServeCanary:
		s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonRoutesRefuse, "the Service of the canary was refused: "+message)
	case Autoscale:
		if s.out.Verdict != "" {
			return in.Run.Status, false
		}
		s.mend() // the canary may have been made in the same step
		s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonAutoscalerRefused, "the autoscaler of the canary was refused: "+message)
	case ShareTraffic:
		if a.IsNothing() || s.out.Verdict != "" {
			return in.Run.Status, false
		}
		s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonRoutesRefuse, "the share of the canary was refused: "+message)
	case Release:
		s.enter(v1alpha1.PhaseReleasing, v1alpha1.ReasonReleaseRefused, "the release was refused: "+message)
	case CreateCanary:
		s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonCanaryInvalid, "the canary was refused: "+message)
	case CreateBaseline:
		s.mend() // the canary is made already
		s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonBaselineInvalid, "the baseline was refused: "+message)
	default:
		return in.Run.Status, false
	}
	return finish(s.in, s.course), true
}
