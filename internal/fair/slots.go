package fair

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// ErrNone says that nothing became free in time, or that too many wait.
var ErrNone = errors.New("no slot")

// Options are how slots are given.
type Options struct {
	// Size is how much there is.
	Size int64
	// Leaves is how many times of what it holds a namespace leaves free to others (see
	// Shares); none if zero, so that one may have all that nobody else wants.
	Leaves int64
	// Overdue is how long one waits until its namespace needs to leave only as much as it
	// holds; for ever if zero.
	Overdue time.Duration
	// MostWaiting is how many of one namespace may wait; any number if zero.
	MostWaiting int
}

// Slots let so much be under way at once. They are safe for use by several goroutines.
type Slots struct {
	options Options
	lock    sync.Mutex
	queue   *queue
}

// NewSlots makes slots, all of them free.
func NewSlots(o Options) *Slots {
	return &Slots{options: o, queue: newQueue(o.Size, o.Leaves)}
}

// Take waits for a slot until ctx ends, and returns what gives it back. It fails with
// ErrNone. What is larger than all takes it all.
func (s *Slots) Take(ctx context.Context, namespace string, weight int64) (giveBack func(), err error) {
	mine := s.enter(namespace, min(weight, s.options.Size))
	if mine == nil {
		return nil, ErrNone
	}
	giveBack = func() {
		s.lock.Lock()
		defer s.lock.Unlock()
		s.queue.leave(mine)
	}
	var overdue <-chan time.Time
	if s.options.Overdue > 0 {
		timer := time.NewTimer(s.options.Overdue)
		defer timer.Stop()
		overdue = timer.C
	}
	for {
		select {
		case <-mine.given:
			return giveBack, nil
		case <-overdue:
			s.lock.Lock()
			s.queue.setOverdue(mine)
			s.lock.Unlock()
		case <-ctx.Done():
			giveBack() // one that was given in this very moment too
			return nil, ErrNone
		}
	}
}

// enter takes a place, if not too many wait.
func (s *Slots) enter(namespace string, weight int64) *slot {
	s.lock.Lock()
	defer s.lock.Unlock()
	if most := s.options.MostWaiting; most > 0 && len(s.queue.waiting[namespace]) >= most && weight > s.queue.free {
		return nil
	}
	return s.queue.enter(namespace, weight)
}

// Held is how much each namespace holds, none with nothing.
func (s *Slots) Held() map[string]int64 {
	s.lock.Lock()
	defer s.lock.Unlock()
	return maps.Clone(s.queue.held)
}
