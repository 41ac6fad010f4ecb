package planqueries

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// How long after an answer a plan is asked about again whose queries were not all answered: its endpoint may
// have been away, and nobody tells when that is back. Where a query found nothing, the Deployment may have
// been applied with the plan, and its pods have yet to be scraped: such a plan is asked about again soon, and
// left when it is no longer new, for many queries count what should not be. The others are left until they
// change.
const (
	soonAgain  = 30 * time.Second
	seldomThen = 10 * time.Minute
)

// due says whether a plan is to be asked about now, and if not how long from now it is; 0 is not until it
// changes. last is when it was asked about last, zero if this evaluator has not asked or has no need to know.
func due(p *v1alpha1.CanaryPlan, last, now time.Time) (again time.Duration, ask bool) {
	condition := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionQueriesAnswered)
	if condition == nil || p.Status.ObservedGeneration != p.Generation {
		return 0, true
	}
	isNew := now.Sub(condition.LastTransitionTime.Time) < seldomThen
	if condition.Status == metav1.ConditionTrue && (!isNew || !foundNothing(p.Status.Queries)) {
		return 0, false
	}
	pace := soonAgain
	if !isNew {
		pace = seldomThen
	}
	again = last.Add(pace).Sub(now)
	return again, again <= 0
}

// foundNothing is whether one of the answers has no series.
func foundNothing(answers []v1alpha1.QueryAnswer) bool {
	return slices.ContainsFunc(answers, func(a v1alpha1.QueryAnswer) bool { return a.Series == 0 })
}

func (r *Reconciler) last(name types.NamespacedName) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tried[name]
}

// note notes when a plan was asked about that is asked about again; zero forgets it.
func (r *Reconciler) note(name types.NamespacedName, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.IsZero() {
		delete(r.tried, name)
		return
	}
	if r.tried == nil {
		r.tried = map[types.NamespacedName]time.Time{}
	}
	r.tried[name] = at
}
