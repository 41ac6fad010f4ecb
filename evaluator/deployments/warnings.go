package deployments

import (
	"crypto/sha256"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/objects"
)

// warnings remembers the last warning about each Deployment, so that looking at it
// again does not say it again. A restarted evaluator says it once more.
type warnings struct{ last sync.Map }

// first says whether a message is another than the last one about a Deployment.
func (w *warnings) first(d objects.Deployment, message string) bool {
	digest := sha256.Sum256([]byte(string(d.GetUID()) + " " + message)) // another of the same name is warned of anew
	previous, loaded := w.last.Swap(client.ObjectKeyFromObject(d), digest)
	return !loaded || previous != digest
}

// forget forgets a Deployment that is gone, or of which nothing is wrong.
func (w *warnings) forget(name types.NamespacedName) { w.last.Delete(name) }
