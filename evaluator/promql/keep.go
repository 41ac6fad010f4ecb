package promql

import (
	"time"
)

// What is kept of answers, for runs that ask the same a little later: rounds of
// several runs are at the same times, but come one after another. Tenants choose
// what is asked, so it is bounded by what it takes in memory.
const (
	keepFor   = 30 * time.Second
	keepBytes = 4 << 20   // of all answers of an endpoint
	keepOne   = 256 << 10 // bytes of one answer; a larger one is not kept
)

// kept are the answers that are kept, as they came. It is pure, and not safe for
// use by several goroutines.
type kept struct {
	order []*promise
	bytes int
}

// add keeps one more answer, unless it is too large.
func (k *kept) add(a *promise, now time.Time) bool {
	a.came, a.bytes = now, len(a.question.query)+a.answer.Size()
	if a.bytes > keepOne {
		return false
	}
	k.order = append(k.order, a)
	k.bytes += a.bytes
	return true
}

// over takes the oldest answer out where that is too old, or all are too much;
// nil if neither.
func (k *kept) over(now time.Time) *promise {
	if len(k.order) == 0 || k.bytes <= keepBytes && now.Sub(k.order[0].came) <= keepFor {
		return nil
	}
	a := k.order[0]
	k.order[0] = nil
	k.order = k.order[1:]
	k.bytes -= a.bytes
	return a
}
