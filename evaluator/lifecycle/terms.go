package lifecycle

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// terms are on what a run is tried.
type terms struct {
	// plan is how, its defaults set. judged is false where nothing was asked for: then
	// the plan says no more than how many pods.
	plan   *v1alpha1.CanaryPlanSpec
	judged bool
	// byHand says that a user made the run, and that nothing is held for it.
	byHand bool
}

func termsOf(in Snapshot) terms {
	spec, judged := askedPlan(in)
	t := terms{spec.DeepCopy(), judged, in.Run.Spec.ByHand()}
	t.plan.SetDefaults()
	if t.byHand && in.Run.Spec.Plan != nil { // any other plan came by policies, which may have taken the probe off
		t.plan.ImplyProbe()
	}
	return t
}

// askedPlan is how a run is to be tried, without defaults and not to be changed, and whether that was asked
// for.
func askedPlan(in Snapshot) (spec *v1alpha1.CanaryPlanSpec, judged bool) {
	switch {
	case in.Run.Spec.Plan != nil:
		return in.Run.Spec.Plan, true
	case in.Run.Status.Plan != nil:
		return in.Run.Status.Plan, true
	case in.Run.Spec.PlanRef != "":
		return &in.Ref.Spec, true
	}
	return &v1alpha1.CanaryPlanSpec{}, false
}

// WantsBaseline says whether a run has baseline pods beside its canary.
func WantsBaseline(in Snapshot) bool { return termsOf(in).wantsBaseline() }

// wantsBaseline says whether the run has baseline pods beside its canary.
func (t terms) wantsBaseline() bool { return t.judged && t.plan.Baseline != nil }

// endsPassed says whether a pass releases nothing.
func (t terms) endsPassed() bool { return t.byHand || t.plan.DryRun }

// isToBeAlone says whether the Deployment is to have no canary beside it: its strategy is Recreate, and
// neither its annotation nor the plan asks for one. The webhook holds no update of such a Deployment. One
// that is held all the same was so before the strategy changed, or the plan. A run by hand is its maker's
// word.
func (t terms) isToBeAlone(d Deployment) bool {
	if t.byHand || !d.Recreates {
		return false
	}
	if d.BesideRecreate != nil {
		return !*d.BesideRecreate
	}
	return !t.plan.BesideRecreate
}

// trouble is what no more waiting will mend of some pods.
func (t terms) trouble(pods []corev1.Pod, now time.Time) trouble {
	return findTrouble(pods, *t.plan.RestartLimit, now)
}
