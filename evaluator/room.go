package evaluator

import (
	"fmt"
	"sync"
)

// The answers of a round stay in memory until the last of them is there and a
// worker has judged by them. A plan can ask for large ones, and for one that is
// slow to come, and a namespace can have hundreds of runs.
const (
	// roomForAll is how many bytes the answers of all rounds take, about.
	roomForAll = 96 << 20
	// roomForOne is how many of them those of one namespace may take.
	roomForOne = roomForAll / 4
)

// room shares the memory for answers out among namespaces. An answer that there
// is no room for is an error of its measurement, and is measured again at the
// next round. A namespace that takes no more than an equal share always has
// room: those who took more while it was free have to come down first. The zero
// room is empty. It is safe for use by several goroutines.
type room struct {
	mu    sync.Mutex
	taken int
	of    map[string]*tenant
}

// tenant is what a namespace has in the room.
type tenant struct {
	rounds, taken int
}

// stay is what one round has taken of the room. It must leave.
type stay struct {
	room      *room
	namespace string
	taken     int
}

func (r *room) enter(namespace string) *stay {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]*tenant{}
	}
	if r.of[namespace] == nil {
		r.of[namespace] = &tenant{}
	}
	r.of[namespace].rounds++
	return &stay{room: r, namespace: namespace}
}

// take makes room for an answer of so many bytes. It fails if there is none.
func (s *stay) take(size int) error {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of[s.namespace]
	limit := roomForOne
	if r.taken+size > roomForAll {
		limit = min(limit, roomForAll/len(r.of))
	}
	if t.taken+size > limit {
		return fmt.Errorf("the answers to this and to what else is measured in the namespace now take more than %.1f MiB; let queries aggregate", float64(limit)/(1<<20))
	}
	r.taken, t.taken, s.taken = r.taken+size, t.taken+size, s.taken+size
	return nil
}

// leave gives back what the round has taken.
func (s *stay) leave() {
	r := s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.of[s.namespace]
	r.taken, t.taken, s.taken = r.taken-s.taken, t.taken-s.taken, 0
	if t.rounds--; t.rounds == 0 {
		delete(r.of, s.namespace)
	}
}
