package serving

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// How much of requests is in memory at once, in bytes of their JSON. What is made
// of a byte takes some fifty, where a template has nothing but short elements.
const (
	// smallRequest is up to what size a request waits for small ones only, so that
	// large ones keep nobody waiting who has a usual Deployment.
	smallRequest = 256 << 10
	smallAtOnce  = 2 << 20
	// textAtOnce is the text of small ones that has come, before they get a turn too.
	textAtOnce = 32 << 20
	// largeAtOnce is what larger ones take; one that is larger itself takes it all.
	largeAtOnce = 3 << 20
)

// answerTime is how long API servers wait for an answer when they do not say.
const answerTime = 10 * time.Second

// Turns lets requests in as there is room for them; others wait, for as long as
// the API server waits for them.
//
// Holdfast's own requests have room of their own: before a template is held it is
// checked by a request to the API server, which calls the webhook with it while
// the first one has its turn.
type Turns struct {
	own         []byte // how a review names Holdfast's user
	users, ours room   // of tenants and others, and of Holdfast
}

// NewTurns makes turns for a process that the API server knows by a user name.
func NewTurns(own string) *Turns {
	name, _ := json.Marshal(own) // a string always is JSON
	return &Turns{own: append([]byte(`"username":`), name...), users: newRoom(), ours: newRoom()}
}

// Take gives each request its turn.
func (t *Turns) Take(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deadline := time.Now().Add(patience(r))
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		// Nor does anybody keep a turn who sends slowly; where there is no connection there is no deadline.
		_ = http.NewResponseController(w).SetReadDeadline(deadline)
		buffered := bufio.NewReaderSize(r.Body, userWithin)
		room := t.users
		if head, _ := buffered.Peek(userWithin); bytes.Contains(head, t.own) { // what cannot be read, the next one finds
			room = t.ours
		}
		var body io.Reader = buffered
		if r.ContentLength >= 0 && r.ContentLength <= smallRequest {
			// The text of a small one is little beside what is made of it, so it is there before it gets a turn.
			text, drop, err := room.read(buffered)
			defer drop()
			switch {
			case errors.Is(err, errTooMuch):
				answer(w, metav1.StatusReasonServiceUnavailable, http.StatusServiceUnavailable, "holdfast: too many requests at once; send it again")
				return
			case err != nil:
				answer(w, metav1.StatusReasonBadRequest, http.StatusBadRequest, "holdfast: the request does not come whole")
				return
			}
			body = text
		}
		leave, err := room.enter(ctx, r.ContentLength)
		if err != nil {
			answer(w, metav1.StatusReasonServiceUnavailable, http.StatusServiceUnavailable, "holdfast: too many large requests at once; send it again")
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

// userWithin is how far into a review its user stands at most, in bytes: before
// the objects, behind names and kinds.
const userWithin = 4 << 10

// patience is how long the API server waits; it says so in the query.
func patience(r *http.Request) time.Duration {
	if d, err := time.ParseDuration(r.URL.Query().Get("timeout")); err == nil && d > 0 {
		return min(d, answerTime)
	}
	return answerTime
}

// room is what there is for requests.
type room struct{ text, small, large *semaphore.Weighted }

func newRoom() room {
	return room{semaphore.NewWeighted(textAtOnce), semaphore.NewWeighted(smallAtOnce), semaphore.NewWeighted(largeAtOnce)}
}

var errTooMuch = errors.New("more text has come than there is room for")

// read reads a request whole. It takes room for what has come, so that whoever sends slowly takes little; where there is
// none it fails with errTooMuch, for one that waited with half of its text could wait for another one that does. The
// room is given back by drop, whatever read returns.
func (r room) read(from io.Reader) (text *bytes.Buffer, drop func(), err error) {
	text = &bytes.Buffer{}
	var taken int64
	drop = func() { r.text.Release(taken) }
	for {
		n, err := io.CopyN(text, from, userWithin)
		if !r.text.TryAcquire(n) {
			return nil, drop, errTooMuch
		}
		taken += n
		if errors.Is(err, io.EOF) {
			return text, drop, nil
		}
		if err != nil {
			return nil, drop, err
		}
	}
}

// enter waits for room for so many bytes, in the order of coming; -1 is unknown,
// and counts as all that may be read.
func (r room) enter(ctx context.Context, size int64) (leave func(), err error) {
	of, weight := r.large, min(size, largeAtOnce)
	switch {
	case size < 0:
		weight = largeAtOnce
	case size <= smallRequest:
		of = r.small
	}
	if err := of.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	return func() { of.Release(weight) }, nil
}
