package agent

import "time"

// Backoff is how long a container that ended must wait for its next start, and an image that could
// not be pulled for the next try: doubled each time up to a limit, as in the kubelet.
type Backoff struct {
	Initial time.Duration
	Limit   time.Duration
}

// DefaultBackoff is the kubelet's 10 seconds to 5 minutes made ten times quicker, so that tests
// need not wait.
var DefaultBackoff = Backoff{Initial: time.Second, Limit: 30 * time.Second}

// backoffState counts the failures of one container.
type backoffState struct {
	Backoff
	next time.Duration
}

// restart returns the wait before a container starts again that ran for that long. The first
// restart is immediate, and so is one after a run of twice the limit, which clears the record.
func (b *backoffState) restart(ran time.Duration) time.Duration {
	if ran > 2*b.Limit {
		b.next = 0
	}
	wait := b.next
	b.next = min(max(2*b.next, b.Initial), b.Limit)
	return wait
}

// retry returns the wait before a failed pull is tried again: none is immediate.
func (b *backoffState) retry() time.Duration {
	b.next = min(max(2*b.next, b.Initial), b.Limit)
	return b.next
}
