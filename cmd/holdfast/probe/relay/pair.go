package relay

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
)

const (
	// linger is how long a client may go on sending to an application that is gone: an answer that it has not
	// read would be lost if its connection were reset.
	linger = 5 * time.Second
	// halfClosed is how long a client may be silent after the application has closed its side, and said all it
	// had to say.
	halfClosed = 10 * time.Minute
)

// pair is a connection of a client and that to the application, made for it alone: what one side does to its
// connection, the other one sees done to its own.
type pair struct {
	client, application *net.TCPConn
	conversation        *follow.Conversation
	saw                 func(follow.Kind) // is told what the connection is read as, once
	stopped             atomic.Bool
	clientClosed        atomic.Bool // it has said all it had to say
	ending              atomic.Int32
}

// Values of pair.ending; the first one that is set stays.
const (
	notEnded = iota
	broken   // by the application
	left     // by the client
)

// run carries until both sides have ended.
func (p *pair) run() follow.Ending {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.requests()
	}()
	p.answers()
	<-done
	_ = p.client.Close()
	_ = p.application.Close()
	return p.how()
}

// how both sides came apart, or will.
func (p *pair) how() follow.Ending {
	switch {
	case p.stopped.Load():
		return follow.Stopped
	case p.ending.Load() == broken && !p.clientClosed.Load():
		return follow.ApplicationBroke
	case p.ending.Load() == left || p.clientClosed.Load():
		return follow.ClientLeft
	}
	return follow.ApplicationClosed
}

// requests carries what the client says.
func (p *pair) requests() {
	from, err := newSource(p.client)
	if err != nil {
		_ = p.application.Close()
		return
	}
	for known, gone := false, false; ; {
		said, err := from.next()
		if err != nil {
			p.clientEnded(err)
			return
		}
		if gone {
			from.release() // nobody reads it
			continue
		}
		p.conversation.Client(said, time.Now())
		if !known {
			if kind := p.conversation.Kind(); kind != follow.Unknown {
				known = true
				p.saw(kind)
			}
		}
		_, err = p.application.Write(said)
		from.release()
		if err != nil {
			// What it said before may still be on the way to the client.
			gone = true
			_ = p.client.SetReadDeadline(time.Now().Add(linger))
		}
	}
}

// clientEnded passes on how the client's side ended.
func (p *pair) clientEnded(err error) {
	switch {
	case errors.Is(err, io.EOF):
		p.clientClosed.Store(true)
		_ = p.application.CloseWrite()
	case isTimeout(err): // the application has ended before
		_ = p.client.Close()
	default:
		p.ending.CompareAndSwap(notEnded, left)
		reset(p.application)
	}
}

// answers carries what the application says.
func (p *pair) answers() {
	from, err := newSource(p.application)
	if err != nil {
		_ = p.client.Close()
		return
	}
	for {
		said, err := from.next()
		if err != nil {
			p.applicationEnded(err)
			return
		}
		p.conversation.Application(said, time.Now())
		_, err = p.client.Write(said)
		from.release()
		if err != nil {
			p.ending.CompareAndSwap(notEnded, left)
			reset(p.application)
			_ = p.client.Close()
			return
		}
	}
}

// applicationEnded passes on how the application's side ended. What it has not answered by then it will not.
func (p *pair) applicationEnded(err error) {
	if !errors.Is(err, io.EOF) {
		p.ending.CompareAndSwap(notEnded, broken)
	}
	if kind := p.conversation.Kind(); kind == follow.HTTP1 || kind == follow.HTTP2 {
		p.conversation.End(p.how(), time.Now())
	}
	if errors.Is(err, io.EOF) {
		_ = p.client.CloseWrite()
		if !p.clientClosed.Load() {
			_ = p.client.SetReadDeadline(time.Now().Add(halfClosed))
		}
		return
	}
	reset(p.client)
}

// stop ends both sides at once.
func (p *pair) stop() {
	p.stopped.Store(true)
	_ = p.client.Close()
	_ = p.application.Close()
}

// reset closes a connection so that its other end sees it broken, not ended.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

func isTimeout(err error) bool {
	timeout, is := errors.AsType[net.Error](err)
	return is && timeout.Timeout()
}
