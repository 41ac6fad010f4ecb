package stablepods

import (
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/evaluator/objects"
)

// replicaSets are the ReplicaSets of a Deployment at a revision: all that are known, those of others that its
// selector matches among them, and by name its own of that revision. They are not changed once they are kept.
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
