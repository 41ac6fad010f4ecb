package runs

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
)

// told is how far the transitions of runs were told in this term, and which are in no log yet: of what
// actions did, where the write after them failed. It is safe for use by several goroutines, but for those of
// one run.
type told struct {
	mu   sync.Mutex
	runs map[types.NamespacedName]*toldOfRun
}

type toldOfRun struct {
	uid      types.UID
	number   int64
	unlogged []lifecycle.Transition
	// subjects are what was told of each pod last: what cannot be done to one is tried again at every look.
	subjects map[string]lifecycle.Transition
}

// did notes what an action has to tell beyond the status, but for what was told of the same pod last.
func (k *toldOfRun) did(happened []lifecycle.Transition) {
	for _, t := range happened {
		if k.subjects[t.Subject] == t {
			continue
		}
		if k.subjects == nil {
			k.subjects = map[string]lifecycle.Transition{}
		}
		k.subjects[t.Subject] = t
		k.unlogged = append(k.unlogged, t)
	}
}

func newTold() *told { return &told{runs: map[types.NamespacedName]*toldOfRun{}} }

// run is what is known of a run.
func (t *told) run(run *v1alpha1.CanaryRun) *toldOfRun {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := client.ObjectKeyFromObject(run)
	known := t.runs[name]
	if known == nil || known.uid != run.UID {
		known = &toldOfRun{uid: run.UID}
		t.runs[name] = known
	}
	return known
}

func (t *told) forget(run types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.runs, run)
}

// tell tells what the log of a status has and was not told in this term: what was written just now, or by an
// evaluator that ended before it could tell.
func (r *Reconciler) tell(seen gather.Observed, status v1alpha1.CanaryRunStatus) {
	known := r.told.run(seen.CanaryRun)
	untold := lifecycle.Untold(status, known.number)
	if len(untold) == 0 {
		return
	}
	known.unlogged = nil // they stand in the log, also where the answer to the write was lost
	r.Teller.Tell(tell.About{Deployment: seen.DeploymentObject, Run: seen.CanaryRun}, untold...)
	known.number = untold[len(untold)-1].Number
}

// delivered is up to which transition of a run all have arrived with whom they are for.
func (r *Reconciler) delivered(run *v1alpha1.CanaryRun) int64 {
	return r.Teller.Delivered(run.UID, r.told.run(run).number)
}
