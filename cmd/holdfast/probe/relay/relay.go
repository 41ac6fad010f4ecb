// Package relay carries connections between clients and an application, and has what they say followed on the way. What
// it carries it neither changes, nor holds back, nor says twice.
package relay

import (
	"context"
	"errors"
	"net"
	"strconv"
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
	host     atomic.Pointer[string] // where the application was found

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

// dial connects to the application: where it was found before, or else on IPv4, on IPv6, or on the address alone by which the
// client found it.
func (r *Relay) dial(ctx context.Context, client *net.TCPConn) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if known := r.host.Load(); known != nil {
		if conn, err := r.dialAt(ctx, *known); err == nil {
			return conn, nil
		}
	}
	own, _ := client.LocalAddr().(*net.TCPAddr)
	var first error
	for _, host := range []string{"127.0.0.1", "::1", own.IP.String()} {
		conn, err := r.dialAt(ctx, host)
		if err == nil {
			r.host.Store(&host)
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func (r *Relay) dialAt(ctx context.Context, host string) (*net.TCPConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(r.port.Target))))
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
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

// Gone says whether the application takes no connections.
func (r *Relay) Gone(ctx context.Context) bool {
	hosts := []string{"127.0.0.1", "::1"}
	if known := r.host.Load(); known != nil {
		hosts = []string{*known}
	}
	for _, host := range hosts {
		if conn, err := r.dialAt(ctx, host); err == nil {
			_ = conn.Close()
			return false
		}
	}
	return true
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
