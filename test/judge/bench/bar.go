package bench

import (
	"fmt"

	"holdfast.dev/holdfast/test/judge/world"
)

// The bar, for runs of 30 minutes with 10 requests a second and a check every
// 30 s.
const (
	barRate = 10
	// mostAlarms is the share of healthy runs that may be reverted.
	mostAlarms = 0.01
	// caughtWithin is the median of the seconds in which a 5× regression must be
	// caught, in every run.
	caughtWithin = 120
	// leastCaught is the share of runs with a 2× regression that must be caught.
	leastCaught = 0.9
)

// Shortfall is one thing in which a judge misses the bar in a cell; it is empty
// where it does not.
func Shortfall(c world.Cell, s Score) string {
	if c.Rate != barRate {
		return ""
	}
	reverted := s.Share(s.Reverted)
	switch {
	case c.Of == world.None && reverted > mostAlarms:
		return fmt.Sprintf("%s of healthy runs reverted, at most 1 %% wanted", percent(reverted))
	case c.Factor == 5 && s.Reverted < s.Runs:
		return fmt.Sprintf("caught in %s of the runs, all wanted", percent(reverted))
	case c.Factor == 5:
		if median, ok := quantile(s.ToRevert, s.Runs, 0.5); !ok || median > caughtWithin {
			return fmt.Sprintf("caught in a median of %s, 2:00 wanted", clock(median))
		}
	case c.Factor == 2 && reverted < leastCaught:
		return fmt.Sprintf("caught in %s of the runs, 90 %% wanted", percent(reverted))
	}
	return ""
}
