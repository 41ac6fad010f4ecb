package serving

import (
	"context"
	"sync"
	"time"
)

const (
	// leavesFree is how many times of what it has at work a namespace leaves to others: on two
	// processors it has one small request at work. With half of the room, eight, an update of
	// another namespace took 7.7 times its usual time beside 80 small ones, with this 1.6 times
	// (docs/benchmarks.md).
	leavesFree = 8
	// longWait is when a request is overdue. Those of a flood that is answered as fast as the
	// API server works wait for less; an answer may take five times as long.
	longWait = 2 * time.Second
)

// room is a queue for goroutines.
type room struct {
	name  string
	lock  sync.Mutex
	queue *queue
	// least is what a request takes at least, so that there are not more of them at
	// once than is good for those that processors work on.
	least int64
}

func newRoom(name string, size int64, atOnce int) *room {
	return &room{name: name, queue: newQueue(size, leavesFree), least: size / int64(atOnce)}
}

// noRoom is what there was no room for in time.
type noRoom struct{ in string }

func (e noRoom) Error() string { return "no room for " + e.in + " requests" }

// enter waits for room for so many bytes, until ctx ends, and then fails with noRoom;
// what is larger than the room takes it all.
func (r *room) enter(ctx context.Context, namespace string, size int64) (leave func(), err error) {
	r.lock.Lock()
	s := r.queue.enter(namespace, min(max(size, r.least), r.queue.size))
	r.lock.Unlock()
	leave = func() {
		r.lock.Lock()
		defer r.lock.Unlock()
		r.queue.leave(s)
	}
	overdue := time.NewTimer(longWait)
	defer overdue.Stop()
	for {
		select {
		case <-s.given:
			return leave, nil
		case <-overdue.C:
			r.lock.Lock()
			r.queue.setOverdue(s)
			r.lock.Unlock()
		case <-ctx.Done():
			leave()
			return nil, noRoom{r.name}
		}
	}
}
