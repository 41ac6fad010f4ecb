package lifecycle

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/window"
)

// frozen keeps a run that passed from being released inside of a freeze window, while its Deployment is
// paused, and until its canary has given way where both do not fit.
// An update whose guard was lifted is nobody's to keep any more.
func (s *planner) frozen() (Move, bool) {
	if s.unguarded() {
		return Move{}, false
	}
	if s.in.Deployment.Paused {
		s.keepFromRelease(v1alpha1.ReasonDeploymentPaused, "the Deployment is paused; the update is released when it is resumed (kubectl rollout resume)")
		return Move{}, true
	}
	var windows []window.Window
	for _, f := range slices.Concat(s.plan.FreezeWindows, s.in.FreezeWindows) {
		if w, errs := window.Parse(f, nil); len(errs) == 0 { // none of a run that has begun is wrong
			windows = append(windows, w)
		}
	}
	until, which, open := window.Open(windows, s.in.Now)
	if !open {
		if p, makes := s.makeRoom(); makes {
			return p, true
		}
		return s.thaw()
	}
	s.keepFromRelease(v1alpha1.ReasonFreezeWindow,
		fmt.Sprintf("nothing is released before %s (freeze window %s)", until.UTC().Format(time.RFC3339), which))
	return Move{Requeue: s.in.until(until)}, true
}

func (s *course) keepFromRelease(reason, message string) {
	s.condition(v1alpha1.ConditionReleaseAllowed, metav1.ConditionFalse, reason, message)
	s.enter(v1alpha1.PhaseReleasing, reason, message)
}

// thaw says again what the run is released for, once nothing keeps it from that. A later
// step releases.
func (s *course) thaw() (Move, bool) {
	kept := s.findCondition(v1alpha1.ConditionReleaseAllowed)
	if kept == nil || kept.Status != metav1.ConditionFalse {
		return Move{}, false
	}
	over := map[string]string{v1alpha1.ReasonFreezeWindow: "the freeze window is over", v1alpha1.ReasonDeploymentPaused: "the Deployment was resumed",
		v1alpha1.ReasonCanaryGivesWay: "the canary has given way"}
	s.condition(v1alpha1.ConditionReleaseAllowed, metav1.ConditionTrue, kept.Reason, over[kept.Reason])
	if c := s.findCondition(v1alpha1.ConditionAnalyzed); c != nil {
		s.enter(v1alpha1.PhaseReleasing, c.Reason, c.Message)
	}
	return Move{Requeue: soon}, true
}

// unguarded says whether the run releases because its guard was lifted.
func (s *course) unguarded() bool {
	c := s.findCondition(v1alpha1.ConditionAnalyzed)
	return s.out.Reason == v1alpha1.ReasonUnguarded || c != nil && c.Reason == v1alpha1.ReasonUnguarded
}
