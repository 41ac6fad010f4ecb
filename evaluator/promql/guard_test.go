package promql

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"holdfast.dev/holdfast/internal/endpoint"
)

// listen serves at an address of this machine and counts its connections.
func listen(t *testing.T, address string) (port string, connections *atomic.Int32) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	connections = &atomic.Int32{}
	s := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: reply200(success("scalar", `[1,"1"]`)),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		},
	}}
	s.Config.SetKeepAlivesEnabled(false) // each query makes a connection
	s.Start()
	t.Cleanup(s.Close)
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, connections
}

// resolve makes every name resolve to what the pointer has, by a real DNS
// server that Go's own resolver asks.
func resolve(t *testing.T, to *atomic.Pointer[net.IP]) {
	t.Helper()
	server, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		question := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(question)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(dnsAnswer(question[:n], *to.Load()), from)
		}
	}()
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// dnsAnswer answers a question for an A record (RFC 1035, 4.1), and any other with nothing.
func dnsAnswer(question []byte, ip net.IP) []byte {
	end := 12
	for question[end] != 0 {
		end += 1 + int(question[end])
	}
	end += 5
	out := append([]byte{}, question[:end]...)
	out[2], out[3] = 0x84, 0
	binary.BigEndian.PutUint16(out[4:], 1)
	for i := 6; i < 12; i++ {
		out[i] = 0
	}
	if binary.BigEndian.Uint16(question[end-4:]) == 1 {
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, ip.To4()...)
	}
	return out
}

// TestAddressesAreLookedAtWhenTheyAreDialed: a name that resolved to what is
// allowed and then to what is not, as in DNS rebinding, brings no connection there.
func TestAddressesAreLookedAtWhenTheyAreDialed(t *testing.T) {
	port, good := listen(t, "127.0.0.1:0")
	_, bad := listen(t, "127.0.0.2:"+port)
	var resolved atomic.Pointer[net.IP]
	set := func(text string) { ip := net.ParseIP(text); resolved.Store(&ip) }
	resolve(t, &resolved)

	set("127.0.0.1")
	c := client(t, at("http://prometheus.test.:"+port, func(e *endpoint.Definition) { e.AllowAddresses = []string{"127.0.0.1"} }))
	if got := ask1(t, c); got.Error != "" || good.Load() != 1 {
		t.Fatalf("at an address that is allowed: %+v, %d connections", got, good.Load())
	}
	set("127.0.0.2")
	got, err := c.Query(t.Context(), "another", noon)
	if err != nil || bad.Load() != 0 {
		t.Fatalf("%d connections to an address that is not allowed, %v", bad.Load(), err)
	}
	if want := "Prometheus could not be asked: refused to connect: its address is refused: it is loopback, and the URL names another host"; got.Error != want {
		t.Errorf("got  %s\nwant %s", got.Error, want)
	}
}

// TestLoopbackNeedsToBeNamed: a name that resolves to it is refused, the address
// or localhost in the URL is what the administrator means.
func TestLoopbackNeedsToBeNamed(t *testing.T) {
	port, connections := listen(t, "127.0.0.1:0")
	ip := net.ParseIP("127.0.0.1")
	var resolved atomic.Pointer[net.IP]
	resolved.Store(&ip)
	resolve(t, &resolved)
	for host, want := range map[string]int32{"127.0.0.1": 1, "localhost": 1, "prometheus.test.": 0} {
		connections.Store(0)
		got := ask1(t, client(t, at("http://"+host+":"+port)))
		if (got.Error == "") != (want == 1) || connections.Load() != want {
			t.Errorf("%s: %d connections, %q", host, connections.Load(), got.Error)
		}
	}
	e := at("http://127.0.0.1:"+port, func(e *endpoint.Definition) { e.DenyAddresses = []string{"127.0.0.0/8"} })
	if got := ask1(t, client(t, e)); !strings.Contains(got.Error, "the administrator denies it") {
		t.Errorf("denied: %q", got.Error)
	}
}
