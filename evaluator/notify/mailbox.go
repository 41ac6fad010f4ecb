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
	// keptFor is how long after it happened a message is sent again to a receiver that does not take it. Each is
	// sent once at least.
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

// mailbox has what waits for one receiver, in the order in which it happened.
type mailbox struct {
	name   string
	outbox *Outbox
	ended  chan struct{}
	// arrived has a value where something waits that may not have been seen.
	arrived chan struct{}

	mu      sync.Mutex
	sender  *sender
	parcels []parcel
	waiting map[string]bool // the IDs of their messages
	isEnded bool
}

func newMailbox(name string, o *Outbox, s *sender) *mailbox {
	return &mailbox{name: name, outbox: o, sender: s, ended: make(chan struct{}), arrived: make(chan struct{}, 1), waiting: map[string]bool{}}
}

// put has a parcel wait, if the receiver wants it and has it not waiting already.
func (m *mailbox) put(p parcel) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isEnded || !m.sender.notifier.wants(p.message) {
		return false
	}
	if m.waiting[p.message.ID] {
		return false
	}
	if len(m.parcels) >= mostWaiting {
		m.outbox.metrics.count(m.name, fateGivenUp)
		return false
	}
	m.parcels, m.waiting[p.message.ID] = append(m.parcels, p), true
	select {
	case m.arrived <- struct{}{}:
	default:
	}
	return true
}

// first is what is to be sent next, and by what.
func (m *mailbox) first() (parcel, *sender, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.parcels) == 0 {
		return parcel{}, m.sender, false
	}
	return m.parcels[0], m.sender, true
}

// pop takes the first away, if the mailbox has not ended meanwhile.
func (m *mailbox) pop() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isEnded {
		return false
	}
	delete(m.waiting, m.parcels[0].message.ID)
	if m.parcels = m.parcels[1:]; len(m.parcels) == 0 {
		m.parcels = nil
	}
	return true
}

func (m *mailbox) length() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.parcels)
}

func (m *mailbox) print() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sender.print
}

// use has another sender send what waits.
func (m *mailbox) use(s *sender) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sender.close()
	m.sender = s
}

// end gives up what waits for a receiver that is taken out of the file.
func (m *mailbox) end() {
	m.mu.Lock()
	left := m.parcels
	m.parcels, m.isEnded = nil, true
	m.sender.close()
	m.mu.Unlock()
	close(m.ended)
	for _, p := range left {
		m.outbox.metrics.count(m.name, fateGivenUp)
		m.outbox.settle(p)
	}
}

// deliverAll sends one message after the other until ctx ends, or the mailbox.
func (m *mailbox) deliverAll(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-m.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		p, _, ok := m.first()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-m.arrived:
			}
			continue
		}
		became := m.deliver(ctx, p)
		if ctx.Err() != nil || !m.pop() {
			return
		}
		m.outbox.metrics.count(m.name, became)
		m.outbox.settle(p)
	}
}

// deliver sends a message until it is taken, refused for good or old. The sender may be another at each try:
// what was wrong may have been put right in the file.
func (m *mailbox) deliver(ctx context.Context, p parcel) fate {
	log := ctrl.LoggerFrom(ctx).WithValues("notifier", m.name, "message", p.message.ID)
	pauses := m.outbox.pauses
	for pause := pauses.first; ; pause = min(2*pause, pauses.longest) {
		_, s, _ := m.first()
		err := s.send(ctx, p.message)
		if err == nil || ctx.Err() != nil {
			return fateDelivered
		}
		m.outbox.metrics.fail(m.name)
		var refused *rejection
		isRefused := errors.As(err, &refused)
		if isRefused && refused.isFinal {
			log.Error(err, "message refused; it is not sent again")
			return fateRefused
		}
		if age := m.outbox.clock.Since(p.message.Time); age > keptFor {
			log.Error(err, "message given up; it was not taken for an hour")
			return fateGivenUp
		}
		wait := pause/2 + rand.N(pause/2) // #nosec G404 -- spreads load, guards nothing
		if isRefused {
			wait = max(wait, refused.after)
		}
		log.V(1).Info("message not taken, it is sent again", "why", err.Error(), "in", wait.String())
		if pause == pauses.longest {
			log.Error(err, "messages wait for a receiver that does not take them")
		}
		timer := m.outbox.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fateGivenUp
		case <-timer.C():
		}
	}
}
