package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/surround"
)

// Around is what stands beside the Deployment and is not held: what was meant to come with the
// held template may be there before it, and what only the stable one needs may be gone.
type Around struct {
	// Known says that it was looked at, Now that it was just now.
	Known, Now bool
	// Left are the Services that have left the stable pods for those of the held template.
	Left []string
	// Gone is what the stable template names and cannot start pods without.
	Gone []surround.Reference
}

// How often it is looked at: tools prune within minutes of an apply, and later it changes seldom.
const (
	aroundSoon  = 15 * time.Second
	aroundLater = time.Minute
	aroundEarly = 3 * time.Minute
)

// NeedsAround says whether the next step of a run depends on what stands beside its Deployment.
func NeedsAround(in Snapshot) bool {
	run := in.Run
	return !run.Deleting && !run.Spec.ByHand() && !run.Status.Phase.Ended() && run.Status.Phase != v1alpha1.PhaseReleasing &&
		in.Deployment.Exists && !in.Deployment.Deleting && in.Deployment.Held == run.Spec.Hold
}

// AroundPace is after how long it is looked at again. While something is wrong people wait for that.
func AroundPace(in Snapshot) time.Duration {
	wrong := len(in.Around.Left) > 0 || len(in.Around.Gone) > 0
	if wrong || in.Now.Sub(in.Run.CreatedAt) < aroundEarly {
		return aroundSoon
	}
	return aroundLater
}

// aside: a canary that has all requests of a Service is tried by more than its share, and the stable pods by
// nothing. No verdict is reached on that: the run stands aside until the Service goes to both, and the step
// begins anew then.
func (s *planner) aside() (Move, bool) {
	if len(s.in.Around.Left) == 0 || s.byHand {
		return Move{}, false
	}
	s.enter(v1alpha1.PhasePaused, v1alpha1.ReasonServiceLeft, "nothing is judged: "+surround.TellLeft(s.in.Around.Left)+
		"; the step begins anew then; or promote, or abort the run")
	return Move{Actions: repair(s.in, s.course)}, true
}

// startOver: what had all requests of a Service and broke is not judged by that. The run begins anew, with
// all steps, when its pods are gone (see wait).
func (s *course) startOver() Move {
	conditions := s.out.Conditions
	s.out = v1alpha1.CanaryRunStatus{Attempt: s.out.Attempt, Plan: s.out.Plan, Conditions: conditions}
	s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonServed, "no Service has left the stable pods any longer; the run begins anew, with fresh pods")
	return Move{Requeue: soon}
}

// tellAround has the status say what is wrong beside the Deployment, from when it was first seen.
func (s *course) tellAround(around Around) {
	if !around.Known {
		return
	}
	if len(around.Left) > 0 {
		s.condition(v1alpha1.ConditionStableServed, metav1.ConditionFalse, v1alpha1.ReasonServiceLeft, surround.TellLeft(around.Left))
	} else if s.findCondition(v1alpha1.ConditionStableServed) != nil {
		s.condition(v1alpha1.ConditionStableServed, metav1.ConditionTrue, v1alpha1.ReasonServed, "no Service has left the stable pods")
	}
	if len(around.Gone) > 0 {
		s.condition(v1alpha1.ConditionStableComplete, metav1.ConditionFalse, v1alpha1.ReasonReferenceGone, surround.TellGone(around.Gone))
	} else if s.findCondition(v1alpha1.ConditionStableComplete) != nil {
		s.condition(v1alpha1.ConditionStableComplete, metav1.ConditionTrue, v1alpha1.ReasonComplete, "all that the stable template names is there")
	}
}

// around are the conditions that say another thing that is wrong than before.
func around(before, after v1alpha1.CanaryRunStatus) []Transition {
	var out []Transition
	tell := func(kind TransitionKind, condition string) {
		was, is := meta.FindStatusCondition(before.Conditions, condition), meta.FindStatusCondition(after.Conditions, condition)
		if is == nil || is.Status != metav1.ConditionFalse || was != nil && was.Status == is.Status && was.Message == is.Message {
			return
		}
		out = append(out, Transition{Kind: kind, Message: is.Message, Reason: is.Reason})
	}
	tell(TransitionServiceLeft, v1alpha1.ConditionStableServed)
	tell(TransitionReferenceGone, v1alpha1.ConditionStableComplete)
	return out
}
