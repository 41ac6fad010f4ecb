package evaluator

import "time"

// align moves the time of a round back to one that other runs of the same
// interval are likely to ask for too: a multiple (counted from the Unix epoch) of
// a third of the interval, in whole seconds, ten at most. What several runs ask
// for one time is asked once. The last samples before the round, as young as a
// scrape interval mostly is, are left for the next one.
func align(at time.Time, interval time.Duration) time.Time {
	grid := min(max((interval/3).Truncate(time.Second), time.Second), 10*time.Second)
	return at.Add(-time.Duration(at.UnixNano() % int64(grid)))
}
