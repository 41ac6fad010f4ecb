package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
)

const (
	// mostWaiting is how many messages wait for a receiver. One that would be more is given up.
	mostWaiting = 5000
	// keptFor is how long after it happened a message is sent again to a receiver that does not take it. Each is sent
	// once at least.
	keptFor = time.Hour
)

// pauses are those between two tries to send a message: each is twice the one before.
type pauses struct{ first, longest time.Duration }

// parcel is a message on its way, and the transition that it is of.
type parcel struct {
	message Message
	uid     types.UID // "" where it has no run
	number  int64
	run     types.NamespacedName
}

// queue has what waits for one receiver, in the order in which it happened.
type queue struct {
	name   string
	outbox *Outbox
	ended  chan struct{}
	// arrived has a value where something waits that may not have been seen.
	arrived chan struct{}

	mu      sync.Mutex
	sender  *sender
	parcels []parcel
	isEnded bool
}

func newQueue(name string, o *Outbox, s *sender) *queue {
	return &queue{name: name, outbox: o, sender: s, ended: make(chan struct{}), arrived: make(chan struct{}, 1)}
}

// put has a parcel wait, if the receiver wants it and has it not waiting already.
func (q *queue) put(p parcel) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isEnded || !q.sender.notifier.wants(p.message) {
		return false
	}
	for i := range q.parcels {
		if q.parcels[i].message.ID == p.message.ID {
			return false
		}
	}
	if len(q.parcels) >= mostWaiting {
		q.outbox.metrics.count(q.name, outcomeGivenUp)
		return false
	}
	q.parcels = append(q.parcels, p)
	select {
	case q.arrived <- struct{}{}:
	default:
	}
	return true
}

// first is what is to be sent next, and by what.
func (q *queue) first() (parcel, *sender, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.parcels) == 0 {
		return parcel{}, q.sender, false
	}
	return q.parcels[0], q.sender, true
}

// pop takes the first away, if the queue has not ended meanwhile.
func (q *queue) pop() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isEnded {
		return false
	}
	if q.parcels = q.parcels[1:]; len(q.parcels) == 0 {
		q.parcels = nil
	}
	return true
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.parcels)
}

func (q *queue) print() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sender.print
}

// use has another sender send what waits.
func (q *queue) use(s *sender) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sender.close()
	q.sender = s
}

// end gives up what waits for a receiver that is taken out of the file.
func (q *queue) end() {
	q.mu.Lock()
	left := q.parcels
	q.parcels, q.isEnded = nil, true
	q.sender.close()
	q.mu.Unlock()
	close(q.ended)
	for _, p := range left {
		q.outbox.metrics.count(q.name, outcomeGivenUp)
		q.outbox.settle(p)
	}
}

// deliverAll sends one message after the other until ctx ends, or the queue.
func (q *queue) deliverAll(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-q.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		p, _, ok := q.first()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-q.arrived:
			}
			continue
		}
		outcome := q.deliver(ctx, p)
		if ctx.Err() != nil || !q.pop() {
			return
		}
		q.outbox.metrics.count(q.name, outcome)
		q.outbox.settle(p)
	}
}

// deliver sends a message until it is taken, refused for good or old. The sender may be another at each try: what was
// wrong may have been put right in the file.
func (q *queue) deliver(ctx context.Context, p parcel) outcome {
	log := ctrl.LoggerFrom(ctx).WithValues("notifier", q.name, "message", p.message.ID)
	pauses := q.outbox.pauses
	for pause := pauses.first; ; pause = min(2*pause, pauses.longest) {
		_, s, _ := q.first()
		err := s.send(ctx, p.message)
		if err == nil || ctx.Err() != nil {
			return outcomeDelivered
		}
		q.outbox.metrics.fail(q.name)
		var refused *refusal
		isRefused := errors.As(err, &refused)
		if isRefused && refused.isFinal {
			log.Error(err, "message refused; it is not sent again")
			return outcomeRefused
		}
		if age := q.outbox.clock.Since(p.message.Time); age > keptFor {
			log.Error(err, "message given up; it was not taken for an hour")
			return outcomeGivenUp
		}
		wait := pause/2 + rand.N(pause/2) // #nosec G404 -- spreads load, guards nothing
		if isRefused {
			wait = max(wait, refused.after)
		}
		log.V(1).Info("message not taken, it is sent again", "why", err.Error(), "in", wait.String())
		if pause == pauses.longest {
			log.Error(err, "messages wait for a receiver that does not take them")
		}
		timer := q.outbox.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return outcomeGivenUp
		case <-timer.C():
		}
	}
}
