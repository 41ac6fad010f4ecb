package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/query"
	"holdfast.dev/holdfast/api/v1alpha1"
)

// rolloutPoll is how often a rollout is looked at beside the changes of the
// Deployment: while an update is held the Deployment's status does not show it.
const rolloutPoll = 10 * time.Second

// NeedsRollout says whether the next step depends on how far the Deployment has
// rolled out.
func NeedsRollout(status v1alpha1.CanaryRunStatus) bool {
	switch status.Phase {
	case "", v1alpha1.PhaseWaiting, v1alpha1.PhaseReleasing:
		return true
	}
	return false
}

// wait: a plan that cannot be followed waits for a better one; otherwise the
// canary waits until the Deployment's own rollout is complete, so that it is
// compared with something that stands. One that is stuck is not waited for: the
// held update may be its repair.
func (s *step) wait() Plan {
	plan := s.in.Run.Spec.Plan
	if errs := query.ValidatePlan(&plan, field.NewPath("spec")); len(errs) > 0 {
		s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonPlanInvalid, fmt.Sprintf(
			"the plan (%s) cannot be followed: %s", s.in.Run.Spec.PlanSource, errs.ToAggregate()))
		return Plan{}
	}
	switch s.in.Rollout.State {
	case RolloutComplete, RolloutStuck:
	default:
		s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonDeploymentRollingOut, s.waitingFor())
		return Plan{Requeue: rolloutPoll}
	}
	if s.in.Invalid != "" {
		return s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonCanaryInvalid, s.in.Invalid)
	}
	s.out.Replicas = Replicas(plan.Replicas, s.in.Deployment.Replicas)
	at := s.now()
	s.out.CreatedAt = &at
	s.enter(v1alpha1.PhaseStarting, v1alpha1.ReasonCanaryStarting, "the canary pods start")
	return Plan{Actions: []Action{CreateCanary{s.out.Replicas}}, Requeue: soon}
}

func (s *step) waitingFor() string {
	message := "the Deployment still rolls its own template out"
	if s.in.Rollout.Message != "" {
		message += ": " + s.in.Rollout.Message
	}
	if s.in.Deployment.Paused {
		message += " (it is paused)"
	}
	return message
}

// Replicas is how many canary pods a plan asks for beside a Deployment of so
// many replicas: a number as it stands, a share rounded up, at least one and at
// most a thousand.
func Replicas(wanted *intstr.IntOrString, replicas int32) int32 {
	const most = 1000
	if wanted == nil {
		return 1
	}
	n := int64(wanted.IntVal)
	if wanted.Type == intstr.String {
		percent, err := strconv.Atoi(strings.TrimSuffix(wanted.StrVal, "%"))
		if err != nil {
			return 1
		}
		n = int64(math.Ceil(float64(replicas) * float64(percent) / 100))
	}
	return int32(min(max(n, 1), most))
}
