package lifecycle

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
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
// Deployment, for its turn. Then the canary is made.
func (s *planner) wait() Move {
	if s.out.Reason == v1alpha1.ReasonServed && s.isBroken() {
		return Move{Actions: s.takeDown(), Requeue: soon}
	}
	for _, wait := range []func() (Move, bool){s.waitForStart, s.waitForPlan, s.waitForResume, s.waitForReplicas, s.waitForWord, s.waitForDeployment} {
		if p, waits := wait(); waits {
			return p
		}
	}
	if s.in.Invalid != "" {
		return s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonCanaryInvalid, s.in.Invalid)
	}
	if s.leftoversGoOn() {
		s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonRetried, "the pods of the attempt before are ended")
		return Move{Requeue: soon}
	}
	if ok, reason, message := s.mayStart(); !ok {
		s.enter(v1alpha1.PhaseWaiting, reason, message)
		return Move{Requeue: queuePoll}
	}
	if s.in.Run.Spec.PlanRef != "" {
		s.out.Plan = s.plan
	}
	at := s.now()
	s.out.CreatedAt, s.out.Step = &at, nil
	p := s.begin(1, v1alpha1.ReasonCanaryStarting)
	p.Actions = s.repair()
	return p
}

// standDown: who scales a Deployment to zero stops the application, and the canary is a part of it. It begins
// anew, with all steps, when there are replicas again. One that a user made by hand is his.
func (s *planner) standDown() Move {
	p := Move{Actions: s.takeDown(), Requeue: soon}
	s.out = v1alpha1.CanaryRunStatus{Attempt: s.out.Attempt, Plan: s.out.Plan}
	s.enterScaledToZero()
	return p
}

func (s *planner) enterScaledToZero() {
	s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonScaledToZero,
		"the Deployment is scaled to zero, and has no canary; it is made when there are replicas again")
}

// waitForResume: who pauses a Deployment makes several changes that belong together, and half of them are not
// tried. Each change supersedes the one before, and what there is when it is resumed is tried as one.
func (s *planner) waitForResume() (Move, bool) {
	if s.in.Run.Spec.ByHand() || !s.in.Deployment.Paused {
		return Move{}, false
	}
	s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonDeploymentPaused,
		"the Deployment is paused; what is held is tried when it is resumed (kubectl rollout resume)")
	return Move{}, true
}

// waitForReplicas: a Deployment that runs nothing has no canary either.
func (s *planner) waitForReplicas() (Move, bool) {
	if s.in.Run.Spec.ByHand() || s.in.Deployment.Replicas > 0 {
		return Move{}, false
	}
	s.enterScaledToZero()
	return Move{Actions: s.takeDown()}, true
}

// waitForPlan: a plan that cannot be followed waits for a better one.
func (s *planner) waitForPlan() (Move, bool) {
	if ref := s.in.Ref; s.in.Run.Spec.PlanRef != "" && s.in.Run.Status.Plan == nil && ref.Reason != "" {
		s.enter(v1alpha1.PhaseWaiting, ref.Reason, ref.Message)
		return Move{}, true
	}
	if errs := query.ValidatePlan(s.plan, field.NewPath("spec")); len(errs) > 0 {
		source := s.in.Run.Spec.PlanSource
		if s.in.Run.Spec.ByHand() {
			source = "spec.plan of this run; delete it and make another"
		}
		s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonPlanInvalid, fmt.Sprintf(
			"the plan (%s) cannot be followed: %s", source, errs.ToAggregate()))
		return Move{}, true
	}
	return Move{}, false
}

// Rollouts are waited for as long as they may stand still, and where that is as good as for ever, for the default
// of Kubernetes.
const (
	defaultRolloutWait = 10 * time.Minute
	maxRolloutWait     = 24 * time.Hour
)

// waitForDeployment: the canary waits until the Deployment's own rollout is
// complete, so that it is compared with something that stands. One that is
// stuck, cannot make its pods, or takes too long by the evaluator's own clock is
// not waited for: the held update may be its repair.
func (s *planner) waitForDeployment() (Move, bool) {
	if !WaitsForRollout(s.in) {
		return Move{}, false
	}
	until := rolloutWaitEnd(s.in)
	message := s.waitingFor() + "; the canary is made at " + until.UTC().Format(time.RFC3339) +
		" in any case; to release the update without one, promote the run"
	s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonDeploymentRollingOut, message)
	next := rolloutPoll
	if s.in.Now.Before(until) {
		next = min(next, s.until(until))
	}
	return Move{Requeue: next}, true
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

func (s *planner) waitingFor() string {
	message := "the Deployment still rolls its own template out"
	if s.in.Rollout.Message != "" {
		message += ": " + s.in.Rollout.Message
	}
	if s.in.Deployment.Paused {
		message += " (it is paused)"
	}
	return message
}
