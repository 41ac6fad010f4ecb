package page

import "sync"

// seats limit how many streams there are at once, of all and of each.
type seats struct {
	mu        sync.Mutex
	most, one int
	taken     int
	by        map[string]int
}

func newSeats(most, one int) *seats { return &seats{most: most, one: one, by: map[string]int{}} }

// take gives the seat back by what it returns, nil if there is none.
func (s *seats) take(who string) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= s.most || s.by[who] >= s.one {
		return nil
	}
	s.taken++
	s.by[who]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken--
		if s.by[who]--; s.by[who] == 0 {
			delete(s.by, who)
		}
	})
}
