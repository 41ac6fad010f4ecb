package main

import (
	"math"
	"sync"
)

// spread picks a share of a sequence, exactly and evenly: after n picks floor(n·rate) were true,
// wherever one starts to look. A random choice would make tests of thresholds flake.
type spread struct {
	rate float64

	mu sync.Mutex
	n  float64
}

func (s *spread) next() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := math.Floor(s.n*s.rate + epsilon)
	s.n++
	return math.Floor(s.n*s.rate+epsilon) > before
}

// set changes the share of the picks to come.
func (s *spread) set(rate float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate, s.n = rate, 0
}

// epsilon makes 5 × 0.2 count as 1 whatever the rounding.
const epsilon = 1e-9
