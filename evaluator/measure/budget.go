package measure

import (
	"fmt"
	"sync"
)

// The answers of a round stay in memory until the last of them is there and a
// worker has judged by them. A plan can ask for large ones, and for one that is
// slow to come, and a namespace can have hundreds of runs.
const (
	// budgetOfAll is how many bytes the answers of all rounds take, about.
	budgetOfAll = 96 << 20
	// budgetOfOne is how many of them those of one namespace may take.
	budgetOfOne = budgetOfAll / 4
)

// Budget shares the memory for answers out among namespaces. An answer beyond it is
// an error of its measurement, which is measured again at the next round. A namespace
// that takes no more than an equal share always has it: those who took more while it
// was free have to come down first. The zero Budget is unused. It is safe for use by
// several goroutines.
type Budget struct {
	mu    sync.Mutex
	taken int
	of    map[string]*tenant
}

// tenant is what a namespace has of the budget.
type tenant struct {
	rounds, taken int
}

// Reservation is what one round has taken of the budget. It must be released.
type Reservation struct {
	budget    *Budget
	namespace string
	taken     int
}

// Reserve begins the reservation of a round of a namespace.
func (b *Budget) Reserve(namespace string) *Reservation {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[string]*tenant{}
	}
	if b.of[namespace] == nil {
		b.of[namespace] = &tenant{}
	}
	b.of[namespace].rounds++
	return &Reservation{budget: b, namespace: namespace}
}

// Take takes so many bytes for an answer. It fails if they are not there.
func (r *Reservation) Take(size int) error {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.of[r.namespace]
	limit := budgetOfOne
	if b.taken+size > budgetOfAll {
		limit = min(limit, budgetOfAll/len(b.of))
	}
	if t.taken+size > limit {
		return fmt.Errorf("the answers to this and to what else is measured in the namespace now take more than %.1f MiB; let queries aggregate", float64(limit)/(1<<20))
	}
	b.taken, t.taken, r.taken = b.taken+size, t.taken+size, r.taken+size
	return nil
}

// Release gives back what the round has taken.
func (r *Reservation) Release() {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.of[r.namespace]
	b.taken, t.taken, r.taken = b.taken-r.taken, t.taken-r.taken, 0
	if t.rounds--; t.rounds == 0 {
		delete(b.of, r.namespace)
	}
}
