package relay_test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/cmd/holdfast/probe/meter"
	"holdfast.dev/holdfast/cmd/holdfast/probe/relay"
	"holdfast.dev/holdfast/internal/probe"
)

// stand is a relay in front of an application.
type stand struct {
	t        *testing.T
	address  string
	registry *prometheus.Registry
	logged   chan string
	end      func()
}

// before begins a relay in front of what listens at target.
func before(t *testing.T, target net.Addr, protocol probe.Protocol) *stand {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	s := &stand{t: t, address: fmt.Sprintf("127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port), registry: prometheus.NewRegistry(), logged: make(chan string, 100)}
	log := funcr.New(func(_, text string) { s.logged <- text }, funcr.Options{})
	port := probe.Port{Name: "http", Listen: int32(l.Addr().(*net.TCPAddr).Port), Target: int32(target.(*net.TCPAddr).Port), Protocol: protocol}
	r := relay.New(port, meter.NewMetrics(s.registry).Port("http"), log)
	served := make(chan error)
	go func() { served <- r.Serve(t.Context(), l) }()
	ended := false
	s.end = func() {
		if ended {
			return
		}
		ended = true
		l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		r.Stop()
	}
	t.Cleanup(s.end)
	return s
}

// counted is what is not 0 of a counter or gauge, as "VALUE LABELS", sorted.
func (s *stand) counted(name string) string {
	s.t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue()
			if value == 0 {
				continue
			}
			text := fmt.Sprint(value)
			for _, l := range m.GetLabel() {
				if l.GetName() != probe.PortLabel && l.GetValue() != "" {
					text += " " + l.GetValue()
				}
			}
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

// wants says that it counts so, soon: a client may have its answer before that is counted.
func (s *stand) wants(name, want string) {
	s.t.Helper()
	eventually(s.t, func() error {
		if got := s.counted(name); got != want {
			return fmt.Errorf("%s: %q, want %q", name, got, want)
		}
		return nil
	})
}

func eventually(t *testing.T, holds func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// application takes connections and has them served.
func application(t *testing.T, serve func(*net.TCPConn)) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	go func() {
		for {
			conn, err := l.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr()
}

func listen(t *testing.T, address string) *net.TCPListener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Skipf("this machine has no such address: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// nobody is an address at which nothing listens.
func nobody(t *testing.T) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	l.Close()
	return l.Addr()
}

func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn.(*net.TCPConn)
}

func say(t *testing.T, conn io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Errorf("say %q: %v", text, err)
	}
}

// hear wants that the other side says just this next.
func hear(t *testing.T, conn io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); string(got) != want {
		t.Errorf("heard %q (%v), want %q", got[:n], err, want)
	}
}

func hearEnd(t *testing.T, conn io.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
		t.Errorf("heard %q, %v; want the end", rest, err)
	}
}
