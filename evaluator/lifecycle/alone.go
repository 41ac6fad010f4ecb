package lifecycle

import (
	"holdfast.dev/holdfast/api/v1alpha1"
)

// isToBeAlone says whether the Deployment is to have no canary beside it: its strategy is Recreate, and
// neither its annotation nor the plan asks for one. The webhook holds no update of such a Deployment. One
// that is held all the same was so before the strategy changed, or the plan. A run by hand is its maker's
// word.
func (s *planner) isToBeAlone() bool {
	d := s.in.Deployment
	if s.in.Run.Spec.ByHand() || !d.Recreates {
		return false
	}
	if d.BesideRecreate != nil {
		return !*d.BesideRecreate
	}
	return !s.plan.BesideRecreate
}

// standAside takes the canary away and waits for a word. It begins anew, with all steps, when that is said.
func (s *planner) standAside() Move {
	p := Move{Actions: s.takeDown(), Requeue: soon}
	s.out = v1alpha1.CanaryRunStatus{Attempt: s.out.Attempt, Plan: s.out.Plan}
	s.enterAlone()
	return p
}

func (s *planner) waitForWord() (Move, bool) {
	if !s.isToBeAlone() {
		return Move{}, false
	}
	s.enterAlone()
	return Move{Actions: s.takeDown()}, true
}

func (s *planner) enterAlone() {
	s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonRecreate, "spec.strategy.type of the Deployment is Recreate, by which no canary runs beside it; "+
		"annotate the Deployment with "+v1alpha1.BesideRecreateAnnotation+"=true to have one all the same, or promote the run to release the update without")
}
