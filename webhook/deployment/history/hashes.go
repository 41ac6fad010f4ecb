package history

import (
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/hold"
)

// Hashes remembers the hashes of the templates of ReplicaSets, so that only those are
// read whole that are new. What it remembers is never old: the generation of a ReplicaSet, which
// its metadata have, is another with each change of its spec, and only the API server can set it.
// It is safe for use by several goroutines. The zero value remembers nothing yet, nil nothing ever.
type Hashes struct {
	mu    sync.Mutex
	known map[revisionKey]revisionHashes
}

type revisionKey struct {
	uid   types.UID
	marks string // by which its version was found
}

type revisionHashes struct {
	generation    int64
	hash, version hold.Hash
}

// mostRemembered is how many there are at most; some 200 bytes each.
const mostRemembered = 10_000

func keyOf(uid types.UID, marks hold.Marks) revisionKey {
	return revisionKey{uid, strings.Join(marks, "\n")}
}

// fill fills in the hashes of those that are remembered, and returns the others apart.
func (h *Hashes) fill(of []revision, marks hold.Marks) (known, others []revision) {
	if h == nil {
		return nil, of
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range of {
		is, remembered := h.known[keyOf(one.uid, marks)]
		if !remembered || is.generation != one.generation {
			others = append(others, one)
			continue
		}
		one.hash, one.version = is.hash, is.version
		known = append(known, one)
	}
	return known, others
}

// keep remembers the hashes of a revision as it was at a generation.
func (h *Hashes) keep(one revision, generation int64, marks hold.Marks) {
	if h == nil || generation <= 0 { // from an API server there is always one
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[revisionKey]revisionHashes{}
	}
	for key := range h.known { // any of them: who is forgotten is read once more
		if len(h.known) < mostRemembered {
			break
		}
		delete(h.known, key)
	}
	h.known[keyOf(one.uid, marks)] = revisionHashes{generation, one.hash, one.version}
}
