package fair

// Shares is an amount that namespaces share. Where they are to leave some of it, nobody can
// take so much that there is nothing left for one who comes next: a namespace takes more
// only while as many times of what it holds then are free as it is to leave, and always one
// thing, however large. Where it is to leave one time, a single one has half of all at most,
// though nobody wants the rest; n that want all they can get come to one part in n+1 each;
// and those that come one after another, and give nothing back, leave half of what they find.
// These are the dynamic thresholds of Choudhury and Hahne (1998).
//
// It is pure, and not safe for use by several goroutines.
type Shares struct {
	size, free int64
	held       map[string]int64 // by namespace, none with zero
}

// NewShares makes shares of so much, all of it free.
func NewShares(size int64) Shares {
	return Shares{size: size, free: size, held: map[string]int64{}}
}

// Fits says whether so much more is free and within the share of a namespace that is to
// leave so many times what it holds.
func (s *Shares) Fits(namespace string, more, leaves int64) bool {
	return more <= s.free && s.within(namespace, more, leaves)
}

func (s *Shares) within(namespace string, more, leaves int64) bool {
	held := s.held[namespace]
	return held == 0 || leaves*(held+more) <= s.free-more
}

// Take takes an amount that fits.
func (s *Shares) Take(namespace string, amount int64) {
	s.free -= amount
	s.held[namespace] += amount
}

// GiveBack gives back what was taken.
func (s *Shares) GiveBack(namespace string, amount int64) {
	s.free += amount
	if s.held[namespace] -= amount; s.held[namespace] == 0 {
		delete(s.held, namespace)
	}
}
