package lifecycle

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/size"
)

// stepsOf are the steps of a plan; one without any has one.
func stepsOf(spec *v1alpha1.CanaryPlanSpec) []v1alpha1.Step {
	if len(spec.Steps) == 0 {
		return []v1alpha1.Step{{Replicas: spec.Replicas}}
	}
	return spec.Steps
}

// number is that of the step under way, from 1.
func (s *course) number() int {
	if s.out.Step == nil {
		return 1
	}
	return min(max(int(s.out.Step.Number), 1), len(stepsOf(s.plan)))
}

// step is the step under way, as the plan has it.
func (s *course) step() v1alpha1.Step { return stepsOf(s.plan)[s.number()-1] }

// begin begins a step, or begins it anew. Its pods are asked for by repair, so
// that an evaluator that is killed in between asks for them all the same.
func (s *planner) begin(number int, reason string) Move {
	grows := s.out.Step == nil || int(s.out.Step.Number) != number
	before, gated := s.out.Step, grows && s.out.Step != nil && s.step().Approval
	s.out.Step = &v1alpha1.StepStatus{Number: int32(number), StartedAt: s.at}
	s.out.Overtime = 0
	if grows {
		s.out.Replicas = sizeOf(s.in, s.course)
	}
	s.out.Step.FewestPods = s.out.Replicas
	if before != nil && !gated && before.FewestPods > 0 {
		s.out.Step.FewestPods = min(before.FewestPods, s.out.Replicas)
	}
	if before != nil && reason != v1alpha1.ReasonResumed {
		s.out.Step.BegunAnew = before.BegunAnew
	}
	s.enter(v1alpha1.PhaseStarting, reason, s.stepMessage())
	return Move{Requeue: soon}
}

func (s *course) stepMessage() string {
	if len(s.plan.Steps) == 0 {
		return "the canary pods start"
	}
	return fmt.Sprintf("step %d of %d begins with %s", s.number(), len(s.plan.Steps), plural(s.out.Replicas, "canary pod"))
}

// stepPassed: the period of a step is over and all was good. A gate keeps the
// run until a person approves, then until hooks say yes; the last step brings the verdict.
func (s *planner) stepPassed(reason, message string) Move {
	n := s.number()
	if s.step().Approval {
		if int(s.in.Run.Spec.ApprovedSteps) < n {
			s.enter(v1alpha1.PhasePaused, v1alpha1.ReasonApproval, fmt.Sprintf(
				"step %d of %d is good and needs approval: set approvedSteps to %d, or decision to Promote or Abort", n, len(s.plan.Steps), n))
			return Move{Actions: repair(s.in, s.course)}
		}
		message += fmt.Sprintf("; step %d of %d was approved", n, len(s.plan.Steps))
	}
	if n < len(stepsOf(s.plan)) {
		if p, closed := s.closed(v1alpha1.HookConfirmTrafficIncrease, v1alpha1.PhasePaused, n+1); closed {
			return p
		}
		return s.begin(n+1, v1alpha1.ReasonNextStep)
	}
	if p, closed := s.closed(v1alpha1.HookConfirmPromotion, v1alpha1.PhasePaused, 0); closed {
		return p
	}
	if s.plan.Manual != nil {
		return s.awaitDecision(message)
	}
	return s.judge(v1alpha1.VerdictPass, reason, message)
}

// analysis is how the step under way is judged.
func (s *course) analysis() v1alpha1.Analysis { return analysisOf(s.plan, s.step()) }

func analysisOf(spec *v1alpha1.CanaryPlanSpec, step v1alpha1.Step) v1alpha1.Analysis {
	a := *spec.Analysis.DeepCopy()
	if step.Period != nil {
		a.Period = step.Period
	}
	a.Metrics = append(a.Metrics, step.Metrics...)
	return a
}

// AnalysisOf is how a run is judged at present.
func AnalysisOf(in Snapshot) v1alpha1.Analysis { s := reading(in); return s.analysis() }

// ProbeOf is what the plan of a run says of the sidecar that measures requests, nil where its pods have none.
func ProbeOf(in Snapshot) *v1alpha1.Probe { return reading(in).plan.Probe.DeepCopy() }

// byHandHostname is what a canary is called that a user made by hand, as canary-controller called it.
const byHandHostname = "canary"

// HostnameOf is the hostname of a canary's only pod, "" where pods go by their own names: two never have the
// same.
func HostnameOf(in Snapshot) string {
	s := reading(in)
	if s.hpa() != nil {
		return ""
	}
	for _, step := range stepsOf(s.plan) {
		if step.PodShare != nil || step.Replicas != nil && (step.Replicas.Type != intstr.Int || step.Replicas.IntVal > 1) {
			return ""
		}
	}
	if s.plan.Identity != nil && s.plan.Identity.Hostname != "" {
		return s.plan.Identity.Hostname
	}
	if in.Run.Spec.ByHand() {
		return byHandHostname
	}
	return ""
}

// sizeOf is the number of canary pods of the step under way. It is settled when the
// step begins: a Deployment that is scaled later on has another share, but pods
// that come or go in the middle of a step would have to get Ready and warm up
// before anything could be measured again, as often as an autoscaler pleases.
//
// What policies allow is another matter: it is of the Deployment as it is now (see shrink).
func sizeOf(in Snapshot, c course) int32 {
	return in.allowed(c.withAutoscaler(size.OfStep(c.step(), in.Deployment.Replicas, c.wantsBaseline())))
}

func (in Snapshot) allowed(n int32) int32 {
	if most := in.MostPods; most > 0 {
		return min(n, most)
	}
	return n
}

// shrink brings the canary down to what policies allow beside a Deployment that was scaled
// down since.
func (s *planner) shrink() {
	n := s.in.allowed(s.out.Replicas)
	if s.out.Step == nil || n == s.out.Replicas {
		return
	}
	s.out.Replicas = n
	s.out.Step.FewestPods = min(s.out.Step.FewestPods, n)
}

// trim takes away the pods of a run that waits with its verdict and has more than there may be: all of them
// where the Deployment was scaled to zero, or is to be alone. One that a user made by hand is his.
func trim(in Snapshot, c course) []Action {
	waits := func(status v1alpha1.CanaryRunStatus) bool {
		return !status.Phase.Ended() && (status.Phase == v1alpha1.PhaseReleasing || status.Verdict != "")
	}
	switch {
	case !waits(in.Run.Status) || !waits(c.out) || in.Run.Deleting || !in.Deployment.Exists:
		return nil
	case in.Deployment.Replicas == 0 && !c.byHand:
		return in.takeDown(c.out.FinishedAt)
	case c.isToBeAlone(in.Deployment):
		return in.stepAside()
	}
	n := c.out.Replicas
	return slices.Concat(in.canary(n).trim(), in.baseline(n).trim())
}

// readyAt is when the step under way was Ready, nil before.
func (s *course) readyAt() *metav1.Time {
	if s.out.Step == nil {
		return nil
	}
	return s.out.Step.ReadyAt
}
