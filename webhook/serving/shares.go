package serving

// shares is room that namespaces share: nobody can take so much of it that there
// is nothing left for one who comes next. A namespace takes more only while as many
// times of what it holds then are free as it is to leave, and always one thing, however
// large. Where it is to leave one time, a single one has half of the room at most, though
// nobody wants the rest; n that want all they can get come to one part in n+1 each; and
// those that come one after another, and give nothing back, leave half of what they find.
// These are the dynamic thresholds of Choudhury and Hahne (1998).
//
// It is pure, and not safe for use by several goroutines.
type shares struct {
	size, free int64
	held       map[string]int64 // by namespace, none with zero
}

func newShares(size int64) shares {
	return shares{size: size, free: size, held: map[string]int64{}}
}

// within says whether so much more is within the share of a namespace that is to leave
// so many times what it holds.
func (s *shares) within(namespace string, more, times int64) bool {
	held := s.held[namespace]
	return held == 0 || times*(held+more) <= s.free-more
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
