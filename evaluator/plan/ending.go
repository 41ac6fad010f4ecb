package plan

import (
	"time"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
)

// maxRejection bounds the message of a rejection, which stands in an annotation.
const maxRejection = 300

// release: the verdict is Pass, or the guard was lifted. The webhook swaps the
// held template in when it sees the Release; until the record is gone it is sent
// again, for the webhook may have been down.
func (s *step) release() Plan {
	if s.out.Reason == v1alpha1.ReasonReleaseRefused {
		return s.reject()
	}
	since := s.releasingFor()
	if since > webhookGrace {
		s.enter(s.out.Phase, s.out.Reason, "the webhook has not swapped the held template in yet, trying again; is it running?")
	}
	return Plan{
		Actions: []Action{Release{Hold: s.in.Run.Spec.Hold}},
		Requeue: min(max(since, releaseRetry), maxReleaseRetry),
	}
}

const (
	webhookGrace    = 30 * time.Second
	releaseRetry    = 2 * time.Second
	maxReleaseRetry = time.Minute
)

// releasingFor is how long ago the verdict was written; waiting as long again
// before the next try makes a back-off that needs no memory.
func (s *step) releasingFor() time.Duration {
	if c := s.findCondition(v1alpha1.ConditionAnalyzed); c != nil {
		return s.in.Now.Sub(c.LastTransitionTime.Time)
	}
	return 0
}

// revert: the verdict is Fail or Inconclusive. A frozen run keeps its hold and
// its canary for people to look at, until the hold ends otherwise. Frozen or
// not, what failed is not released because the guard is lifted: it is reverted.
func (s *step) revert() Plan {
	if s.out.Phase == v1alpha1.PhaseFrozen && s.in.Deployment.Guarded {
		return Plan{}
	}
	return s.reject()
}

func (s *step) reject() Plan {
	rejection := hold.Rejection{
		Hash:    hold.Hash(s.in.Run.Spec.TemplateHash),
		Run:     s.in.Run.Name,
		At:      s.in.Now.UTC().Truncate(time.Second),
		Reason:  s.out.Reason,
		Message: clip(s.out.Message, maxRejection),
	}
	p := s.end(v1alpha1.PhaseReverted, s.out.Reason, s.out.Message)
	p.Actions = append([]Action{Revert{Hold: s.in.Run.Spec.Hold, Rejection: rejection}}, p.Actions...)
	return p
}

// Refused is the status of a run one of whose actions the API server refused
// for good, with its message: a release that is not admitted, a canary that
// cannot be made. ok is false for actions after which there is nothing to do
// but to try again.
func Refused(in Input, action Action, message string) (status v1alpha1.CanaryRunStatus, ok bool) {
	s := step{in: in, out: *in.Run.Status.DeepCopy()}
	switch action.(type) {
	case Release:
		s.enter(v1alpha1.PhaseReleasing, v1alpha1.ReasonReleaseRefused, "the release was refused: "+message)
	case CreateCanary:
		s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonCanaryInvalid, "the canary was refused: "+message)
	default:
		return in.Run.Status, false
	}
	return s.finish(), true
}
