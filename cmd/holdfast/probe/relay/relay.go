// Package relay carries connections between clients and an application, and has what they say followed on the
// way. What it carries it neither changes, nor holds back, nor says twice.
package relay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
	"holdfast.dev/holdfast/cmd/holdfast/probe/meter"
	"holdfast.dev/holdfast/internal/probe"
)

// Relay carries the connections of one port.
type Relay struct {
	port     probe.Port
	meter    *meter.Port
	log      logr.Logger
	refusals *refusals
	sawTLS   sync.Once
	found    atomic.Pointer[netip.AddrPort] // where the application last took a connection

	mu      sync.Mutex
	stopped bool
	pairs   map[*pair]struct{}
	open    sync.WaitGroup
}

// New is the relay of a port.
func New(port probe.Port, counted *meter.Port, log logr.Logger) *Relay {
	r := &Relay{port: port, meter: counted, log: log.WithValues("port", port.Name), pairs: map[*pair]struct{}{}}
	r.refusals = newRefusals(port, counted)
	return r
}

// Serve takes connections until l is closed. They go on when ctx ends.
func (r *Relay) Serve(ctx context.Context, l *net.TCPListener) error {
	const shortest, longest = 5 * time.Millisecond, time.Second
	for pause := shortest; ; {
		conn, err := l.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil: // such as too many open files: it passes
			r.log.Error(err, "accept a connection")
			time.Sleep(pause)
			pause = min(2*pause, longest)
			continue
		}
		pause = shortest
		r.open.Add(1)
		go func() {
			defer r.open.Done()
			r.carry(context.WithoutCancel(ctx), conn)
		}()
	}
}

// carry carries one connection.
func (r *Relay) carry(ctx context.Context, client *net.TCPConn) {
	application, err := r.dial(ctx, client)
	if err != nil {
		r.log.V(1).Info("the application does not take a connection", "error", err.Error())
		r.refusals.answer(client)
		return
	}
	p := &pair{
		client: client, application: application, saw: r.saw,
		conversation: follow.NewConversation(r.meter, r.port.Protocol == probe.TCP),
	}
	r.add(p)
	defer r.remove(p)
	how := p.run()
	switch kind := p.conversation.End(how, time.Now()); {
	case kind != follow.TLS && kind != follow.Other:
	case how == follow.ApplicationBroke:
		r.meter.Connection(meter.Reset)
	default:
		r.meter.Connection(meter.Closed)
	}
}

// dialTimeout is how long an application may take to take a connection.
const dialTimeout = 10 * time.Second

// dial connects to the application at the address by which the client found the pod. So it is there for the
// probe where it is without it, and sees connections from the pod's own address: many trust who comes from
// 127.0.0.1.
func (r *Relay) dial(ctx context.Context, client *net.TCPConn) (*net.TCPConn, error) {
	own, is := client.LocalAddr().(*net.TCPAddr)
	if !is {
		return nil, errNoAddress
	}
	at := netip.AddrPortFrom(own.AddrPort().Addr().Unmap(), uint16(r.port.Target))
	conn, err := dialAt(ctx, at)
	if err == nil {
		r.found.Store(&at)
	}
	return conn, err
}

// errNoAddress: the client's connection is closed already.
var errNoAddress = errors.New("the client's connection has no address")

func dialAt(ctx context.Context, at netip.AddrPort) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return (&net.Dialer{}).DialTCP(ctx, "tcp", netip.AddrPort{}, at)
}

// saw is told what a connection is read as.
func (r *Relay) saw(kind follow.Kind) {
	if kind == follow.TLS && r.port.Protocol == probe.Auto {
		r.sawTLS.Do(func() {
			r.log.Info("the application ends TLS itself: such connections are passed through, and counted as connections, for their requests cannot be read")
		})
	}
}

func (r *Relay) add(p *pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pairs[p] = struct{}{}
	if r.stopped {
		p.stop()
	}
}

func (r *Relay) remove(p *pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pairs, p)
}

// Busy is how many connections are carried.
func (r *Relay) Busy() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pairs)
}

// Gone says whether the application takes no connections, where it last took one.
func (r *Relay) Gone(ctx context.Context) bool {
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(r.port.Target))
	if found := r.found.Load(); found != nil {
		at = *found
	}
	conn, err := dialAt(ctx, at)
	if err != nil {
		return true
	}
	_ = conn.Close()
	return false
}

// Stop ends all connections, and waits until they have been counted. Its listener must be closed before.
func (r *Relay) Stop() {
	r.mu.Lock()
	r.stopped = true
	for p := range r.pairs {
		p.stop()
	}
	r.mu.Unlock()
	r.refusals.stop()
	r.open.Wait()
}
