package serving

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/fair"
)

// How much of requests is in memory at once, in bytes of their JSON. What is made
// of a byte takes some fifty, where a template has nothing but short elements.
const (
	// smallRequest is up to what size a request waits for small ones only, so that
	// large ones keep nobody waiting who has a usual Deployment.
	smallRequest = 256 << 10
	smallAtOnce  = 2 << 20
	// textAtOnce is the text of small ones that has come, before they get a slot too.
	textAtOnce = 32 << 20
	// largeAtOnce is what larger ones take; one that is larger itself takes it all.
	largeAtOnce = 3 << 20
)

const (
	// leavesFree is how many times of what it has at work a namespace leaves to others: on two
	// processors it has one small request at work, for what is at work keeps the API server
	// busy for everybody. With half of the room, eight, an update of another namespace took
	// twelve times its usual time beside 80 small ones, with this twice (docs/benchmarks.md).
	leavesFree = 8
	// longWait is when a request is overdue, and its namespace has half of the room. Those of a
	// flood that is answered as fast as the API server works wait for less; where all of them
	// wait for something, such as a slow webhook of others, it is not the work that takes the time.
	longWait = 2 * time.Second
)

// answerTime is how long API servers wait for an answer when they do not say.
const answerTime = 10 * time.Second

// Limiter lets requests in as there is room for them; others wait, for as long as
// the API server waits for them. Room is shared by the namespaces of the objects
// that requests are about (see package fair): one that sends more than its share waits
// behind itself.
//
// Holdfast's own requests have room of their own: before a template is held it is
// checked by a request to the API server, which calls the webhook with it while
// the first one has its slot. That too is shared by namespace.
type Limiter struct {
	own         string // Holdfast's user
	users, ours slots  // of tenants and others, and of Holdfast
	metrics     *Metrics
}

// slots are what there is for requests.
type slots struct {
	text         *text
	small, large sized
}

// sized are slots in bytes, and what a request takes at least, so that there are not more
// of them at once than is good for those that processors work on.
type sized struct {
	name  string
	slots *fair.Slots
	least int64
}

func newSized(name string, size int64, atOnce int) sized {
	return sized{name, fair.NewSlots(fair.Options{Size: size, Leaves: leavesFree, Overdue: longWait}), size / int64(atOnce)}
}

func (s sized) enter(ctx context.Context, namespace string, size int64) (leave func(), err error) {
	if leave, err = s.slots.Take(ctx, namespace, max(size, s.least)); err != nil {
		return nil, noSlot{s.name}
	}
	return leave, nil
}

// noSlot is for a request that got none in time.
type noSlot struct{ in string }

func (e noSlot) Error() string { return "no slot for " + e.in + " requests" }

// NewLimiter limits the requests of a process that the API server knows by a user name.
func NewLimiter(own string, m *Metrics) *Limiter { return newLimiter(own, m, runtime.GOMAXPROCS(0)) }

func newLimiter(own string, m *Metrics, processors int) *Limiter {
	// Large requests keep processors busy for some tenths of a second each. Small ones mostly wait
	// for the API server; but what waits there works there, and more at once only make everybody
	// slower, most of all those of other namespaces (see docs/benchmarks.md).
	newSlots := func() slots {
		return slots{newText(textAtOnce), newSized(inSmall, smallAtOnce, max(16, 8*processors)), newSized(inLarge, largeAtOnce, max(4, processors))}
	}
	return &Limiter{own: own, users: newSlots(), ours: newSlots(), metrics: m}
}

// Limit gives each request a slot.
func (l *Limiter) Limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deadline := time.Now().Add(patience(r))
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		// Nor does anybody keep a slot who sends slowly; where there is no connection there is no deadline.
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
		buffered := bufio.NewReaderSize(r.Body, headSize)
		head, _ := buffered.Peek(headSize) // what cannot be read, the next one finds
		from, known := callerOf(head)
		if known {
			ctx = context.WithValue(ctx, callerKey{}, from)
		}
		slots := l.users
		if known && from.user == l.own {
			slots = l.ours
		}
		body, leave, err := slots.enter(ctx, from.namespace, r.ContentLength, buffered)
		if err != nil {
			l.refuse(w, from.namespace, err)
			return
		}
		defer leave()
		r = r.WithContext(ctx)
		r.Body = struct {
			io.Reader
			io.Closer
		}{body, r.Body}
		next.ServeHTTP(w, r)
	})
}

// enter waits for a slot for a request of so many bytes; -1 is unknown, and counts as
// all that may be read. The text of a small one is little beside what is made of it,
// so it is there before it gets a slot.
func (s slots) enter(ctx context.Context, namespace string, size int64, text io.Reader) (body io.Reader, leave func(), err error) {
	if size < 0 || size > smallRequest {
		if size < 0 {
			size = MaxRequest
		}
		leave, err := s.large.enter(ctx, namespace, size)
		return text, leave, err
	}
	read, drop, err := s.text.read(namespace, text)
	if err != nil {
		drop()
		return nil, nil, err
	}
	leaveSlot, err := s.small.enter(ctx, namespace, size)
	if err != nil {
		drop()
		return nil, nil, err
	}
	return read, func() { leaveSlot(); drop() }, nil
}

// refuse tells the API server that a request is not answered. What becomes of it is
// for the failurePolicy to say.
func (l *Limiter) refuse(w http.ResponseWriter, namespace string, err error) {
	var full noSlot
	if !errors.As(err, &full) {
		answer(w, metav1.StatusReasonBadRequest, http.StatusBadRequest, "holdfast: the request does not come whole")
		return
	}
	l.metrics.unanswered.WithLabelValues(full.in).Inc()
	answer(w, metav1.StatusReasonServiceUnavailable, http.StatusServiceUnavailable,
		fmt.Sprintf("holdfast: too many %s requests at once, of namespace %q or of all; send it again", full.in, namespace))
}

// patience is how long the API server waits; it says so in the query.
func patience(r *http.Request) time.Duration {
	if d, err := time.ParseDuration(r.URL.Query().Get("timeout")); err == nil && d > 0 {
		return min(d, answerTime)
	}
	return answerTime
}
