// Package byrun keeps what is known beside runs that are under way.
package byrun

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Memory is what is known of each run, until it is forgotten. Its zero value knows nothing. It is safe for
// use by several goroutines.
type Memory[T any] struct {
	mu sync.Mutex
	of map[types.NamespacedName]T
}

// Get is what is known of a run, and whether anything is.
func (m *Memory[T]) Get(run types.NamespacedName) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.of[run]
	return known, ok
}

// Keep remembers something of a run, in place of what was known.
func (m *Memory[T]) Keep(run types.NamespacedName, known T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[types.NamespacedName]T{}
	}
	m.of[run] = known
}

// Forget forgets a run that is over.
func (m *Memory[T]) Forget(run types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, run)
}

// Reset forgets all.
func (m *Memory[T]) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of = nil
}
