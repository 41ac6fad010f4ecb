package promql

import (
	"context"
	"sync"
)

// slots let so many queries be asked at once, fairly by namespace (see queue).
// It is safe for use by several goroutines.
type slots struct {
	mu    sync.Mutex
	queue *queue
}

// take waits for a turn until ctx ends, and returns what gives it back.
func (t *slots) take(ctx context.Context, namespace string) (func(), error) {
	t.mu.Lock()
	mine := t.queue.enter(namespace)
	t.mu.Unlock()
	if mine == nil {
		return nil, errQueue
	}
	back := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.queue.leave(mine)
	}
	select {
	case <-mine.given:
		return back, nil
	case <-ctx.Done():
		back() // a turn given in this very moment too
		return nil, errQueue
	}
}
