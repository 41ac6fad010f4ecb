package lifecycle

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/window"
)

// keptBack is what keeps a run that passed from being released: its Deployment is paused, or a freeze window
// is open.
func keptBack(in Snapshot, t terms) hindrance {
	if in.Deployment.Paused {
		return hindrance{reason: v1alpha1.ReasonDeploymentPaused,
			message: "the Deployment is paused; the update is released when it is resumed (kubectl rollout resume)"}
	}
	var windows []window.Window
	for _, f := range slices.Concat(t.plan.FreezeWindows, in.FreezeWindows) {
		if w, errs := window.Parse(f, nil); len(errs) == 0 { // none of a run that has begun is wrong
			windows = append(windows, w)
		}
	}
	until, which, open := window.Open(windows, in.Now)
	if !open {
		return hindrance{}
	}
	return hindrance{reason: v1alpha1.ReasonFreezeWindow, until: until,
		message: fmt.Sprintf("nothing is released before %s (freeze window %s)", until.UTC().Format(time.RFC3339), which)}
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
