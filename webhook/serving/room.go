package serving

import (
	"context"
	"sync"
)

// room is a queue for goroutines.
type room struct {
	lock  sync.Mutex
	queue *queue
	// least is what a request takes at least, so that there are not more of them at
	// once than is good for those that processors work on.
	least int64
}

func newRoom(size int64, atOnce int) *room {
	return &room{queue: newQueue(size), least: size / int64(atOnce)}
}

// enter waits for room for so many bytes, until ctx ends; what is larger than the
// room takes it all.
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
		return nil, ctx.Err()
	}
}
