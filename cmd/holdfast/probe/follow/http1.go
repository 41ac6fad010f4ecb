package follow

import (
	"bytes"
	"errors"
	"time"
)

// Statuses that say more of an answer than how it went.
const (
	switchingProtocols = 101
	noContent          = 204
	notModified        = 304
	badGateway         = 502
)

// pending is a request that has no whole answer yet.
type pending struct {
	began   time.Time
	head    bool // of HEAD, whose answers have no body
	connect bool
	code    int // of the answer, when its head has come
}

// maxPending is how many requests a client may send ahead of their answers.
const maxPending = 1000

// errHTTP2: both go on in HTTP/2.
var errHTTP2 = errors.New("goes on in HTTP/2")

// http1 reads requests and their answers, which come in the same order.
type http1 struct {
	observer Observer
	requests messages
	answers  messages
	pending  []pending
	upgraded bool // to something else, and what is said is not read any more
	now      time.Time
	method   []byte // of the request that is read
	status   int    // of the answer that is read
}

func (h *http1) client(said []byte, now time.Time) error {
	if h.now = now; h.upgraded {
		h.observer.Carried(In, len(said))
		return nil
	}
	_, err := h.requests.read(said, (*requestSide)(h))
	return err
}

// application returns what is no HTTP/1 any more.
func (h *http1) application(said []byte, now time.Time) ([]byte, error) {
	h.now = now
	rest, err := h.answers.read(said, (*answerSide)(h))
	if err == nil && h.upgraded {
		h.observer.Carried(Out, len(rest))
	}
	return rest, err
}

type requestSide http1

func (r *requestSide) start(line []byte) error {
	method, rest, found := bytes.Cut(line, []byte(" "))
	version := bytes.LastIndex(rest, []byte(" HTTP/1."))
	if !found || len(rest) == 0 || version < 0 && len(line) < maxLine { // of a longer line the end is not kept
		return errUnread
	}
	r.method = append(r.method[:0], method...)
	return nil
}

func (r *requestSide) framing(h head) (framing, error) {
	if len(r.pending) == maxPending {
		return 0, errUnread
	}
	method := string(r.method)
	r.pending = append(r.pending, pending{began: r.now, head: method == "HEAD", connect: method == "CONNECT"})
	r.observer.Began()
	switch {
	case h.chunked:
		return byChunks, nil
	case h.coded:
		return 0, errUnread // RFC 9112, 6.3: the end of such a request cannot be known
	case h.length > 0:
		return byLength, nil
	}
	return noBody, nil
}

func (r *requestSide) body(n int) { r.observer.Carried(In, n) }

func (r *requestSide) done() {}

type answerSide http1

func (a *answerSide) start(line []byte) error {
	version, rest, _ := bytes.Cut(line, []byte(" "))
	if !bytes.HasPrefix(version, []byte("HTTP/1.")) || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return errUnread
	}
	a.status = 0
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return errUnread
		}
		a.status = 10*a.status + int(c-'0')
	}
	return nil
}

// interim says whether the real answer is yet to come.
func interim(status int) bool { return status/100 == 1 && status != switchingProtocols }

func (a *answerSide) framing(h head) (framing, error) {
	if interim(a.status) {
		return noBody, nil
	}
	var to pending // what nobody asked for, such as 408 when a client is silent for too long, is not counted
	if len(a.pending) > 0 {
		a.pending[0].code = a.status
		to = a.pending[0]
	}
	switch {
	case a.status == switchingProtocols && h.h2c && len(a.pending) > 0:
		return 0, errHTTP2
	case a.status == switchingProtocols, to.connect && a.status/100 == 2:
		a.done()
		a.upgraded = true
		return raw, nil
	case to.head, a.status == noContent, a.status == notModified:
		return noBody, nil
	case h.chunked:
		return byChunks, nil
	case h.coded || h.length < 0:
		return byClose, nil
	}
	return byLength, nil
}

func (a *answerSide) body(n int) { a.observer.Carried(Out, n) }

func (a *answerSide) done() {
	if interim(a.status) || len(a.pending) == 0 {
		return
	}
	a.observer.Ended(Request{Code: a.pending[0].code, Took: a.now.Sub(a.pending[0].began)})
	a.pending = a.pending[:copy(a.pending, a.pending[1:])] // nearly always it was alone
}

// end ends what is under way.
func (h *http1) end(how Ending, now time.Time) {
	for i, p := range h.pending {
		request := Request{Took: now.Sub(p.began)}
		switch whole := h.answers.at == untilClose && i == 0; {
		case how == ApplicationClosed && whole:
			request.Code = p.code
		case how == ApplicationClosed, how == ApplicationBroke:
			request.Code = badGateway
		case how == ClientLeft:
			request.Code = p.code
		}
		h.observer.Ended(request)
	}
	h.pending = nil
}
