package measure

import "time"

// alignTime moves the time of a round back to one that other runs of the same
// interval are likely to ask for too. What several runs ask for one time is asked
// once. The last samples before the round, as young as a scrape interval mostly is,
// are left for the next one.
//
// Times are those of a grid in each interval, and intervals count from the Unix epoch: so
// who asks for one time in one round does so in the next, also where the grid does not go
// into the interval without a rest.
func alignTime(at time.Time, interval time.Duration) time.Time {
	return at.Add(-time.Duration(at.UnixNano() % int64(max(interval, time.Second)) % int64(grid(interval))))
}

// align shortens the age of a canary to one that others, Ready a moment before or
// after it, are likely to have too: windows are cut to it.
func align(age, interval time.Duration) time.Duration {
	return age.Truncate(grid(interval))
}

// grid is a third of the interval in whole seconds, from one to ten.
func grid(interval time.Duration) time.Duration {
	return min(max((interval/3).Truncate(time.Second), time.Second), 10*time.Second)
}
