package stablepods

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/evaluator/objects"
)

// replicaSets are the ReplicaSets of a Deployment at a revision: all that are known, those of others that its selector
// matches among them, and by name its own of that revision. They are not changed once they are kept.
type replicaSets struct {
	deployment types.UID
	revision   int64
	all        map[types.UID]bool
	present    map[types.UID]string
}

// isOf says whether these are the ReplicaSets of a Deployment as it is.
func (r replicaSets) isOf(d objects.Deployment) bool {
	return r.deployment == d.GetUID() && r.revision == d.View().Revision() && len(r.present) > 0
}

// knownSets remembers the ReplicaSets beside runs under way. It is safe for use by several goroutines.
type knownSets struct {
	mu sync.Mutex
	of map[types.NamespacedName]replicaSets
}

func (k *knownSets) get(run types.NamespacedName) (replicaSets, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.of[run]
	return r, ok
}

func (k *knownSets) keep(run types.NamespacedName, r replicaSets) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[types.NamespacedName]replicaSets{}
	}
	k.of[run] = r
}

func (k *knownSets) forget(run types.NamespacedName) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.of, run)
}

func (k *knownSets) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.of = nil
}
