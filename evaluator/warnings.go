package evaluator

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// warnings remembers the last warning about each object, so that looking at it
// again does not say it again. A restarted evaluator says it once more.
type warnings struct{ last sync.Map }

// first says whether a message is another than the last one about an object.
func (w *warnings) first(about types.UID, message string) bool {
	previous, loaded := w.last.Swap(about, message)
	return !loaded || previous != message
}

func (w *warnings) forget(about types.UID) { w.last.Delete(about) }
