package serving

import (
	"context"
	"sync"
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
	return &room{name: name, queue: newQueue(size), least: size / int64(atOnce)}
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
	select {
	case <-s.given:
		return leave, nil
	case <-ctx.Done():
		leave()
		return nil, noRoom{r.name}
	}
}
