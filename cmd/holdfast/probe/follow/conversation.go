package follow

import (
	"errors"
	"sync"
	"time"
)

// Conversation is what is said on one connection. Its two directions may be told from two goroutines; each
// must be told before it is passed on, so that no answer is heard of before its request.
type Conversation struct {
	mu       sync.Mutex
	observer Observer
	kind     Kind
	ended    bool
	first    []byte // what the client said while its kind is Unknown
	early    []byte // what the application said then
	h1       *http1
	h2       *http2
}

// NewConversation begins one. One that is raw is passed through and not read.
func NewConversation(observer Observer, raw bool) *Conversation {
	c := &Conversation{observer: observer}
	if raw {
		c.kind = Other
	}
	return c
}

// Kind is what the connection is read as, until now.
func (c *Conversation) Kind() Kind {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kind
}

// errUnread: what is said is not what it began as.
var errUnread = errors.New("cannot be read")

// maxEarly is how much an application that speaks first may say before its client answers with the preface of
// HTTP/2.
const maxEarly = 4096

// Client is told what the client says.
func (c *Conversation) Client(said []byte, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kind == Unknown {
		if said = c.begin(said, now); c.kind == Unknown {
			return
		}
	}
	switch {
	case c.kind == HTTP1 && !c.ended:
		if err := c.h1.client(said, now); err != nil {
			c.giveUp(now)
		}
	case c.kind == HTTP2 && !c.ended:
		if err := c.h2.client(said, now); err != nil {
			c.giveUp(now)
		}
	case c.kind == Other, c.kind == TLS:
		c.observer.Carried(In, len(said))
	}
}

// begin finds out what the connection is. It returns what the client has said by then.
func (c *Conversation) begin(said []byte, now time.Time) []byte {
	if len(c.first) > 0 {
		c.first = append(c.first, said...)
		said = c.first
	}
	kind := Classify(said)
	if len(c.early) > 0 && kind != HTTP2 && kind != Unknown {
		kind = Other
	}
	if kind == Unknown {
		if len(c.first) == 0 {
			c.first = append(c.first, said...) // what was told is its teller's
		}
		return nil
	}
	early := c.early
	c.kind, c.first, c.early = kind, nil, nil
	switch kind {
	case HTTP1:
		c.h1 = &http1{observer: c.observer}
	case HTTP2:
		c.h2 = newHTTP2(c.observer)
		if err := c.h2.application(early, now); err != nil {
			c.giveUp(now)
		}
	default:
		c.observer.Carried(Out, len(early))
	}
	return said
}

// Application is told what the application says.
func (c *Conversation) Application(said []byte, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.kind == Unknown:
		c.early = append(c.early, said...)
		if !settings(c.early) || len(c.early) > maxEarly {
			c.other()
		}
	case c.kind == HTTP1 && !c.ended:
		rest, err := c.h1.application(said, now)
		switch {
		case errors.Is(err, errHTTP2):
			c.upgrade(rest, now)
		case err != nil:
			c.giveUp(now)
		}
	case c.kind == HTTP2 && !c.ended:
		if err := c.h2.application(said, now); err != nil {
			c.giveUp(now)
		}
	case c.kind == Other, c.kind == TLS:
		c.observer.Carried(Out, len(said))
	}
}

// upgrade goes on in HTTP/2, where the answer to the request that asked for it comes on stream 1.
func (c *Conversation) upgrade(said []byte, now time.Time) {
	c.kind, c.h2 = HTTP2, newHTTP2(c.observer)
	c.h2.streams[1] = stream{began: c.h1.pending[0].began}
	c.h2.last = 1
	c.h1 = nil
	if err := c.h2.application(said, now); err != nil {
		c.giveUp(now)
	}
}

// giveUp passes the rest through unread. Nobody knows what becomes of requests under way.
func (c *Conversation) giveUp(now time.Time) {
	c.end(Stopped, now)
	c.kind = Other
}

// End says how the connection ended, and returns what it was; Unknown is one on which nobody said anything.
// It may be said as soon as the application has ended: no requests begin afterwards, for nobody would answer
// them.
func (c *Conversation) End(how Ending, now time.Time) Kind {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(how, now)
	if len(c.first)+len(c.early) > 0 {
		c.other()
	}
	c.ended = true
	return c.kind
}

// other makes it a connection that is not read.
func (c *Conversation) other() {
	c.observer.Carried(In, len(c.first))
	c.observer.Carried(Out, len(c.early))
	c.kind, c.first, c.early = Other, nil, nil
}

func (c *Conversation) end(how Ending, now time.Time) {
	if c.h1 != nil {
		c.h1.end(how, now)
	}
	if c.h2 != nil {
		c.h2.end(how, now)
	}
	c.h1, c.h2 = nil, nil
}
