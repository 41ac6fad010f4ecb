package serving

// shares is room that namespaces share: nobody can take so much of it that there
// is nothing left for one who comes next. Of n namespaces that hold or want some,
// each may hold one part in n+1, and always one thing, however large. So a single
// namespace has half of the room at most, though nobody wants the rest.
//
// It is pure, and not safe for use by several goroutines.
type shares struct {
	size, free int64
	held       map[string]int64 // by namespace, none with zero
}

func newShares(size int64) shares {
	return shares{size: size, free: size, held: map[string]int64{}}
}

// within says whether so much more is within the share of a namespace, if so many
// namespaces hold or want some.
func (s *shares) within(namespace string, more int64, namespaces int) bool {
	held := s.held[namespace]
	return held == 0 || held+more <= s.size/int64(namespaces+1)
}

func (s *shares) take(namespace string, amount int64) {
	s.free -= amount
	s.held[namespace] += amount
}

func (s *shares) giveBack(namespace string, amount int64) {
	s.free += amount
	if s.held[namespace] -= amount; s.held[namespace] == 0 {
		delete(s.held, namespace)
	}
}
