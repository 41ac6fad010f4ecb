package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/window"
)

// frozen keeps a run that passed from being released inside of a freeze window.
// An update whose guard was lifted is nobody's to keep any more.
func (s *planner) frozen() (Move, bool) {
	if s.unguarded() {
		return Move{}, false
	}
	var windows []window.Window
	for _, f := range slices.Concat(s.plan.FreezeWindows, s.in.FreezeWindows) {
		if w, errs := window.Parse(f, nil); len(errs) == 0 { // none of a run that has begun is wrong
			windows = append(windows, w)
		}
	}
	until, which, open := window.Open(windows, s.in.Now)
	if !open {
		return s.thaw()
	}
	message := fmt.Sprintf("nothing is released before %s (freeze window %s)", until.UTC().Format(time.RFC3339), which)
	s.condition(v1alpha1.ConditionReleaseAllowed, metav1.ConditionFalse, v1alpha1.ReasonFreezeWindow, message)
	s.enter(v1alpha1.PhaseReleasing, v1alpha1.ReasonFreezeWindow, message)
	return Move{Requeue: s.until(until)}, true
}

// thaw says again what the run is released for, once a window is over. A later
// step releases.
func (s *planner) thaw() (Move, bool) {
	if !meta.IsStatusConditionFalse(s.out.Conditions, v1alpha1.ConditionReleaseAllowed) {
		return Move{}, false
	}
	s.condition(v1alpha1.ConditionReleaseAllowed, metav1.ConditionTrue, v1alpha1.ReasonFreezeWindow, "the freeze window is over")
	if c := s.findCondition(v1alpha1.ConditionAnalyzed); c != nil {
		s.enter(v1alpha1.PhaseReleasing, c.Reason, c.Message)
	}
	return Move{Requeue: soon}, true
}

// unguarded says whether the run releases because its guard was lifted.
func (s *planner) unguarded() bool {
	c := s.findCondition(v1alpha1.ConditionAnalyzed)
	return s.out.Reason == v1alpha1.ReasonUnguarded || c != nil && c.Reason == v1alpha1.ReasonUnguarded
}
