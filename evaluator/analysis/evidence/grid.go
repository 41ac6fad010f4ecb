package evidence

import (
	"fmt"
	"math"
)

const (
	// span is how far the ratios looked at reach from the tolerated one, both
	// ways, as a factor.
	span = 32
	// step is about the distance of two neighbouring ratios, as a logarithm.
	step = 0.18
	// minCatch is how far the regression worth catching must lie above the
	// tolerated ratio: nearer ones cannot be told apart in the time of a run.
	minCatch = 1.2
	// front is the share of a prior that is put on the side it is made to find.
	front = 0.9
)

// grid holds the ratios, canary's rate over baseline's, that a comparison
// weighs against each other: evenly spaced logarithms around the tolerated
// ratio, which is at(0); the regression worth catching is at(catch).
//
// The mixture over a grid takes the place of the integral of a mixture
// likelihood: it needs no conjugate prior, so that the shares of traffic may
// change from interval to interval, and a sum of e-values with weights that sum
// to 1 is an e-value.
type grid struct {
	null  float64
	h     float64
	catch int
	half  int
	// unit is the weight of the first ratio on the front side of a prior.
	unit float64
}

func newGrid(tolerance, catch float64) (grid, error) {
	null := 1 + tolerance
	switch {
	case !finite(tolerance) || tolerance < 0 || tolerance > 10:
		return grid{}, fmt.Errorf("tolerance %v: want a share from 0 to 10", tolerance)
	case !finite(catch) || catch < minCatch*null || catch > span/2*null:
		return grid{}, fmt.Errorf("regression worth catching %v: want a factor from %.3g to %.3g with tolerance %v",
			catch, minCatch*null, span/2*null, tolerance)
	}
	distance := math.Log(catch / null)
	k := max(1, int(math.Round(distance/step)))
	h := distance / float64(k)
	g := grid{null: null, h: h, catch: k, half: int(math.Ceil(math.Log(span) / h))}
	harmonic := 0.0
	for j := range g.half {
		harmonic += 1 / float64(j+1)
	}
	g.unit = front / harmonic
	return g, nil
}

// size is how many ratios there are, at(-half) to at(half).
func (g grid) size() int { return 2*g.half + 1 }

func (g grid) at(j int) float64 { return g.null * math.Exp(float64(j)*g.h) }

// above is the weight of ratio j where the alternative is a higher ratio, below
// where it is a lower one. They mirror each other, so that with tolerance 0
// nothing depends on which side is called the canary. The weights belong to
// places, not to distances from a null: that makes the nulls that are rejected
// an interval without gaps. Near ratios weigh more: what is five times as bad
// shows at once, what is half as bad again needs all the evidence there is.
func (g grid) above(j int) float64 {
	if j > 0 {
		return g.unit / float64(j)
	}
	return (1 - front) / float64(g.half+1)
}

func (g grid) below(j int) float64 { return g.above(-j) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
