package promql

import (
	"fmt"
	"time"
)

// A server that failed openAfter times in a row is left alone for firstRest,
// twice as long each time it fails again, lastRest at most; each rest is shorter
// by up to a fifth at random, so that replicas and endpoints that went down
// together do not come back together.
const (
	openAfter = 5
	firstRest = 10 * time.Second
	lastRest  = time.Minute
)

// breaker keeps a server that does not answer from being asked by every run.
// Closed, it lets everything through. Open, nothing. When its rest is over it
// lets one query try: an answer closes it, an error begins a longer rest. It is
// pure, and not safe for use by several goroutines.
type breaker struct {
	failures int       // in a row
	since    time.Time // of the first of them
	why      string    // the last of them
	rest     time.Duration
	until    time.Time // zero while closed
	trying   bool
	// jitter gives a number from 0 to 1.
	jitter func() float64
}

// openError is for queries that are not asked, because the server is left alone.
type openError struct {
	since, until time.Time
	why          string
}

func (e *openError) Error() string {
	return fmt.Sprintf("has not answered since %s (%s); it is asked again from %s on",
		e.since.UTC().Format(time.TimeOnly+"Z"), e.why, e.until.UTC().Format(time.TimeOnly+"Z"))
}

// allow says whether a query may be asked now, nil if so.
func (b *breaker) allow(now time.Time) error {
	if b.until.IsZero() {
		return nil
	}
	if b.trying || now.Before(b.until) {
		return &openError{b.since, b.until, b.why}
	}
	b.trying = true
	return nil
}

// answered is for a query that was allowed and got an answer, if only that it is wrong.
func (b *breaker) answered() {
	*b = breaker{jitter: b.jitter}
}

// failed is for a query that was allowed and got none.
func (b *breaker) failed(now time.Time, why string) {
	if b.failures == 0 {
		b.since = now
	}
	b.failures++
	b.why = why
	if b.failures < openAfter || !b.until.IsZero() && !b.trying { // the latter was asked before it opened
		return
	}
	b.trying = false
	b.rest = min(max(2*b.rest, firstRest), lastRest)
	b.until = now.Add(b.rest - time.Duration(b.jitter()*float64(b.rest)/5))
}

func (b *breaker) open() bool { return !b.until.IsZero() }
