package evidence

import (
	"math"
	"slices"
)

// pairings are the comparisons of each of x with each of y. There are a million
// of a thousand windows, so they are counted and never written down.
type pairings struct {
	// x and y are in order.
	x, y []float64
	// compare never falls where a grows, and never rises where b does. It gives
	// no NaN.
	compare func(a, b float64) float64
}

func newPairings(x, y []float64, compare func(a, b float64) float64) pairings {
	return pairings{slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y)), compare}
}

// size is how many there are.
func (p pairings) size() int { return len(p.x) * len(p.y) }

// at is the one that would stand at place k, from 0, had they been sorted: the
// least number that more than k of them do not exceed. It is searched for among
// all numbers between the least and the greatest of them, which takes 64 counts
// at most, and found to the last bit.
func (p pairings) at(k int) float64 {
	low := placeOf(p.compare(p.x[0], p.y[len(p.y)-1]))
	high := placeOf(p.compare(p.x[len(p.x)-1], p.y[0]))
	for low < high {
		if middle := low + (high-low)/2; p.upTo(numberAt(middle)) > k {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if v := numberAt(low); v != 0 {
		return v
	}
	return 0 // of either sign
}

// upTo is how many are v or less. For each next of x, those of y that come to
// more are the same as before and then some, so both are gone through once.
func (p pairings) upTo(v float64) int {
	n, from := 0, 0
	for _, a := range p.x {
		for from < len(p.y) && p.compare(a, p.y[from]) > v {
			from++
		}
		n += len(p.y) - from
	}
	return n
}

// placeOf numbers all numbers, NaN aside, in their order; -0 comes before 0.
func placeOf(v float64) uint64 {
	bits := math.Float64bits(v)
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

func numberAt(place uint64) float64 {
	if place>>63 == 1 {
		return math.Float64frombits(place &^ (1 << 63))
	}
	return math.Float64frombits(^place)
}
