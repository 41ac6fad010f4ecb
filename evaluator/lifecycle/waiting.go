package lifecycle

import (
	"cmp"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// rolloutPoll is how often a rollout is looked at beside the changes of the
// Deployment: while an update is held the Deployment's status does not show it.
const rolloutPoll = 10 * time.Second

// NeedsRollout says whether the next step depends on how far the Deployment has
// rolled out.
func NeedsRollout(status v1alpha1.CanaryRunStatus) bool {
	return !status.Phase.Ended() && (status.CreatedAt == nil || status.Phase == v1alpha1.PhaseReleasing)
}

// wait: the run waits for its time, for a plan that can be followed, for the
// Deployment, for hooks that confirm it, for its turn. Then the canary is made.
func (s *planner) wait() Move {
	if c := s.in.Canary; s.out.Reason == v1alpha1.ReasonServed && c != nil && // it is still the one that broke, or goes
		(c.Deleting || c.Replicas == 0 || s.trouble(s.in.Pods, s.in.Now).reason != "") {
		return Move{Actions: s.in.takeDown(s.out.FinishedAt), Requeue: soon}
	}
	for _, find := range hindrances {
		if h := find(s.in, s.terms); h.reason != "" {
			return s.waitFor(h)
		}
	}
	if s.in.Invalid != "" {
		return s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonCanaryInvalid, s.in.Invalid)
	}
	if goOn(s.in.Leftovers) {
		return s.waitFor(hindrance{reason: v1alpha1.ReasonRetried, message: "the pods of the attempt before are ended", poll: soon})
	}
	if p, closed := s.closed(v1alpha1.HookConfirmRollout, v1alpha1.PhaseWaiting, 0); closed {
		return p
	}
	if h := isNotItsTurn(s.in, s.terms); h.reason != "" {
		return s.waitFor(h)
	}
	if s.in.Run.Spec.PlanRef != "" {
		s.out.Plan = s.plan
	}
	s.out.CreatedAt, s.out.Step = new(s.at), nil
	p := s.begin(1, v1alpha1.ReasonCanaryStarting)
	p.Actions = repair(s.in, s.course)
	return p
}

// waitFor waits until a hindrance is over.
func (s *planner) waitFor(h hindrance) Move {
	if h.phase.Ended() {
		return s.end(h.phase, h.reason, h.message)
	}
	s.enter(cmp.Or(h.phase, v1alpha1.PhaseWaiting), h.reason, h.message)
	p := s.in.waitOut(h)
	if h.takesDown {
		p.Actions = s.in.takeDown(s.out.FinishedAt)
	}
	return p
}

// waitOut looks again when a hindrance may be over.
func (in Snapshot) waitOut(h hindrance) Move {
	p := Move{Requeue: h.poll}
	if !h.until.IsZero() {
		p.Requeue = sooner(p.Requeue, in.until(h.until))
	}
	return p
}

// standDown takes the canary away. The run begins anew, with all steps, when the hindrance is over.
func (s *planner) standDown(h hindrance) Move {
	s.out = v1alpha1.CanaryRunStatus{Attempt: s.out.Attempt, Plan: s.out.Plan}
	p := s.waitFor(h)
	p.Requeue = soon
	return p
}

// Rollouts are waited for as long as they may stand still, and where that is as good as for ever, for the
// default of Kubernetes.
const (
	defaultRolloutWait = 10 * time.Minute
	maxRolloutWait     = 24 * time.Hour
)

// rollsOut: the canary waits until the Deployment's own rollout is
// complete, so that it is compared with something that stands. One that is
// stuck, cannot make its pods, or takes too long by the evaluator's own clock is
// not waited for: the held update may be its repair.
func rollsOut(in Snapshot, _ terms) hindrance {
	if !WaitsForRollout(in) {
		return hindrance{}
	}
	until := rolloutWaitEnd(in)
	out := hindrance{
		reason: v1alpha1.ReasonDeploymentRollingOut,
		message: waitingFor(in) + "; the canary is made at " + until.UTC().Format(time.RFC3339) +
			" in any case; to release the update without one, promote the run",
		poll: rolloutPoll,
	}
	if in.Now.Before(until) {
		out.until = until
	}
	return out
}

// WaitsForRollout says whether a run that could start waits for the Deployment's own rollout.
func WaitsForRollout(in Snapshot) bool {
	switch in.Rollout.State {
	case RolloutComplete, RolloutStuck:
		return false
	case "": // it is not known yet
		return true
	}
	return in.Rollout.Failure == "" && in.Now.Before(rolloutWaitEnd(in))
}

// rolloutWaitEnd is until when the Deployment's own rollout is waited for.
func rolloutWaitEnd(in Snapshot) time.Time {
	wait := in.Deployment.ProgressDeadline
	if wait <= 0 || wait > maxRolloutWait {
		wait = defaultRolloutWait
	}
	return in.Run.CreatedAt.Add(wait)
}

func waitingFor(in Snapshot) string {
	message := "the Deployment still rolls its own template out"
	if in.Rollout.Message != "" {
		message += ": " + in.Rollout.Message
	}
	if in.Deployment.Paused {
		message += " (it is paused)"
	}
	return message
}
