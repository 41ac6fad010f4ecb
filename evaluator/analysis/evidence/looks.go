package evidence

import "math"

// look is one time at which values are tested: when so many windows are there,
// with so much of the error probability.
type look struct {
	at    int
	spend float64
}

// looksUntil returns the looks up to n windows. The j-th may spend 1/(j(j+1)) of
// p; all that there ever could be spend p together. The first is as soon as a
// sample could be extreme enough at all, and then some: each has a third more
// windows than the one before, because many looks at nearly the same data cost
// more than they find.
func looksUntil(n int, p float64) []look {
	var out []look
	at := firstLook(p)
	for j := 1.0; at <= n; j++ {
		out = append(out, look{at: at, spend: p / (j * (j + 1))})
		at = max(at+2, int(math.Ceil(float64(at)*4/3)))
	}
	return out
}

// firstLook is the smallest number of windows in which two samples that do not
// overlap at all have half the probability that the first look may spend.
func firstLook(p float64) int {
	n, chance := 1, 0.5
	for chance > p/4 && n < 64 {
		n++
		chance *= float64(n) / float64(2*(2*n-1))
	}
	return n
}
