package relay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
	"holdfast.dev/holdfast/cmd/holdfast/probe/meter"
	"holdfast.dev/holdfast/internal/probe"
)

// patience is how long a client may take to say what it wants of an application that is not there.
const patience = 10 * time.Second

// refusals answer in place of an application that takes no connection.
type refusals struct {
	port   probe.Port
	meter  *meter.Port
	server *http.Server
	start  sync.Once
	conns  chan net.Conn
	ended  chan struct{}
	end    sync.Once
}

func newRefusals(port probe.Port, counted *meter.Port) *refusals {
	r := &refusals{port: port, meter: counted, conns: make(chan net.Conn), ended: make(chan struct{})}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: patience, Protocols: &http.Protocols{}}
	r.server.Protocols.SetHTTP1(true)
	r.server.Protocols.SetUnencryptedHTTP2(true)
	return r
}

// answer answers a client: a request with 502, and anything else as the application did.
func (r *refusals) answer(client *net.TCPConn) {
	said, kind := r.first(client)
	if kind != follow.HTTP1 && kind != follow.HTTP2 {
		if len(said) > 0 || r.port.Protocol == probe.TCP {
			r.meter.Connection(meter.Refused)
		}
		reset(client)
		return
	}
	r.start.Do(func() { go r.server.Serve(r) }) //nolint:errcheck // it ends with the relay
	_ = client.SetReadDeadline(time.Time{})
	select {
	case r.conns <- &begun{TCPConn: client, said: bytes.NewReader(said)}:
	case <-r.ended:
		_ = client.Close()
	}
}

// first is what the client says first, and what that is.
func (r *refusals) first(client *net.TCPConn) (said []byte, kind follow.Kind) {
	if r.port.Protocol == probe.TCP {
		return nil, follow.Other
	}
	_ = client.SetReadDeadline(time.Now().Add(patience))
	piece := make([]byte, 4096)
	for kind == follow.Unknown {
		n, err := client.Read(piece)
		said = append(said, piece[:n]...)
		if kind = follow.Classify(said); err != nil {
			break
		}
	}
	return said, kind
}

// ServeHTTP answers a request.
func (r *refusals) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	began := time.Now()
	r.meter.Began()
	outcome := follow.Request{Code: http.StatusBadGateway}
	if request.ProtoMajor == 2 && strings.HasPrefix(request.Header.Get("Content-Type"), "application/grpc") {
		outcome.GRPC = follow.GRPCUnavailable // as clients take it
	}
	w.Header().Set("Connection", "close") // the next one may find the application back
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(outcome.Code)
	fmt.Fprintf(w, "holdfast probe: the application does not listen on port %d\n", r.port.Target)
	outcome.Took = time.Since(began)
	r.meter.Ended(outcome)
}

func (r *refusals) stop() {
	r.end.Do(func() { close(r.ended) })
	_ = r.server.Close()
}

// Accept, Close and Addr make it the listener of its own server.
func (r *refusals) Accept() (net.Conn, error) {
	select {
	case conn := <-r.conns:
		return conn, nil
	case <-r.ended:
		return nil, net.ErrClosed
	}
}

// Close does nothing: stop has.
func (r *refusals) Close() error { return nil }

// Addr is where clients find the probe.
func (r *refusals) Addr() net.Addr { return &net.TCPAddr{Port: int(r.port.Listen)} }

// begun is a connection whose first bytes have been read.
type begun struct {
	*net.TCPConn
	said *bytes.Reader
}

func (b *begun) Read(p []byte) (int, error) {
	if n, err := b.said.Read(p); !errors.Is(err, io.EOF) {
		return n, err
	}
	return b.TCPConn.Read(p)
}
