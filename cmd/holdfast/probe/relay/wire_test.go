package relay_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast.dev/holdfast/internal/probe"
)

const (
	get = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
	ok  = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

// TestWhatIsSaidPassesAtOnceAndUnchanged: each side says a line when it has heard the one before, so nothing
// may wait.
func TestWhatIsSaidPassesAtOnceAndUnchanged(t *testing.T) {
	for _, c := range []struct{ name, requests, connections string }{
		{"odd spelling and order|C POST /a//b?x=%zz;y HTTP/1.1\r\nx-B: 1\r\nHOST: shop\r\nX-a:  2 \r\nX-Forwarded-For: 1.2.3.4\r\nTE: gzip\r\nConnection: close, x-b\r\ntransfer-encoding: chunked\r\n\r\n|" +
			"C 5;ext=1\r\nab|A HTTP/1.1 103 Early\r\nlink: x\r\n\r\n|C cde\r\n|A HTTP/1.1 299 Odd text\r\nkeep-alive: 5\r\ntransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n|C 0\r\nUnannounced: 1\r\n\r\n|" +
			"A 0\r\nsum: 1\r\n\r\n", "1 299", ""},
		{"expectations|C PUT / HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n|A HTTP/1.1 100 Continue\r\n\r\n|C ab|A " + ok, "1 200", ""},
		{"a request that is none|C GET / HTTP/1.1 \x00\x01\r\n b\r\n|A HTTP/1.1 400 Bad Request\r\n\r\n|C more|A and more", "", ""},
		{"pipelining|C " + get + get + "|A " + ok + "|A " + ok, "2 200", ""},
		{"WebSocket|C GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n|A HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n|A \x81\x01a|C \x81\x81abcd", "1 101", ""},
		{"a tunnel|C CONNECT db:1 HTTP/1.1\r\n\r\n|A HTTP/1.1 200 OK\r\n\r\n|A hello|C GET /", "1 200", ""},
		{"a server that speaks first|A 220 mail\r\n|C EHLO shop\r\n|A 250 ok\r\n", "", "1 closed"},
		{"TLS|C \x16\x03\x01\x00\x01a|A \x16\x03\x03\x00\x01b", "", "1 closed"},
		{"words in pieces|C G|C ET|C  / HTTP/1.|C 1\r\n\r|C \n|A HT|A TP/1.1 204 N|A o\r\n\r\n", "1 204", ""},
	} {
		name, said, _ := strings.Cut(c.name, "|")
		t.Run(name, func(t *testing.T) {
			lines := strings.Split(said, "|")
			done := make(chan struct{})
			s := before(t, application(t, func(conn *net.TCPConn) {
				defer close(done)
				for _, l := range lines {
					if text, own := strings.CutPrefix(l, "A "); own {
						say(t, conn, text)
					} else {
						hear(t, conn, l[2:])
					}
				}
				hearEnd(t, conn)
			}), probe.Auto)
			conn := dial(t, s.address)
			for _, l := range lines {
				if text, own := strings.CutPrefix(l, "C "); own {
					say(t, conn, text)
				} else {
					hear(t, conn, l[2:])
				}
			}
			_ = conn.CloseWrite()
			hearEnd(t, conn)
			<-done
			s.end()
			s.wants(probe.RequestsTotal, c.requests)
			s.wants(probe.ConnectionsTotal, c.connections)
			s.wants(probe.RequestsInFlight, "")
		})
	}
}

func TestAClientThatHasSaidAllGetsItsAnswer(t *testing.T) {
	s := before(t, application(t, func(conn *net.TCPConn) {
		if said, err := io.ReadAll(conn); err != nil || string(said) != get {
			t.Errorf("heard %q, %v", said, err)
		}
		say(t, conn, ok)
	}), probe.Auto)
	conn := dial(t, s.address)
	say(t, conn, get)
	_ = conn.CloseWrite()
	hear(t, conn, ok)
	hearEnd(t, conn)
	s.wants(probe.RequestsTotal, "1 200")
}

func TestAnApplicationThatHasSaidAllHearsTheRest(t *testing.T) {
	heard := make(chan string, 1)
	s := before(t, application(t, func(conn *net.TCPConn) {
		say(t, conn, "hello")
		_ = conn.CloseWrite()
		said, _ := io.ReadAll(conn)
		heard <- string(said)
	}), probe.TCP)
	conn := dial(t, s.address)
	hear(t, conn, "hello")
	hearEnd(t, conn)
	say(t, conn, "and ")
	say(t, conn, "good bye")
	conn.Close()
	if got := <-heard; got != "and good bye" {
		t.Errorf("heard %q", got)
	}
	s.wants(probe.ConnectionsTotal, "1 closed")
	s.wants(probe.BytesTotal, "12 in, 5 out")
}

// TestNoRequestIsSaidTwice: an application that closes a connection that was kept instead of answering is not
// asked again, and its client sees what it did.
func TestNoRequestIsSaidTwice(t *testing.T) {
	said := make(chan string, 10)
	s := before(t, application(t, func(conn *net.TCPConn) {
		hear(t, conn, get)
		said <- "first"
		say(t, conn, ok)
		hear(t, conn, get)
		said <- "second"
	}), probe.Auto)
	conn := dial(t, s.address)
	say(t, conn, get)
	hear(t, conn, ok)
	say(t, conn, get)
	hearEnd(t, conn)
	s.wants(probe.RequestsTotal, "1 200, 1 502") // though the client is still there
	if len(said) != 2 {
		t.Errorf("%d requests came to the application", len(said))
	}
}

func TestAClientHearsThatTheApplicationClosedAnIdleConnection(t *testing.T) {
	s := before(t, application(t, func(conn *net.TCPConn) {
		hear(t, conn, get)
		say(t, conn, ok)
	}), probe.Auto)
	conn := dial(t, s.address)
	say(t, conn, get)
	hear(t, conn, ok)
	hearEnd(t, conn)
	s.wants(probe.RequestsTotal, "1 200")
}

func TestResetsPass(t *testing.T) {
	t.Run("of the application", func(t *testing.T) {
		s := before(t, application(t, func(conn *net.TCPConn) {
			hear(t, conn, "hello")
			_ = conn.SetLinger(0)
		}), probe.Auto)
		conn := dial(t, s.address)
		say(t, conn, "hello")
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client sees %v", err)
		}
		s.wants(probe.ConnectionsTotal, "1 reset")
	})
	t.Run("of the client", func(t *testing.T) {
		seen := make(chan error, 1)
		s := before(t, application(t, func(conn *net.TCPConn) {
			hear(t, conn, get)
			say(t, conn, "HTTP/1.1 200 OK\r\n")
			_, err := conn.Read(make([]byte, 1))
			seen <- err
		}), probe.Auto)
		conn := dial(t, s.address)
		say(t, conn, get)
		hear(t, conn, "HTTP/1.1 200 OK\r\n")
		_ = conn.SetLinger(0)
		conn.Close()
		if err := <-seen; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the application sees %v", err)
		}
		s.wants(probe.RequestsTotal, "1 other")
	})
}

func TestAnAnswerBeforeTheBodyOfItsRequestArrives(t *testing.T) {
	const refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
	s := before(t, application(t, func(conn *net.TCPConn) {
		hear(t, conn, "POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")
		say(t, conn, refusal)
		_ = conn.CloseWrite()
		_, _ = io.CopyN(io.Discard, conn, 100_000)
	}), probe.Auto)
	conn := dial(t, s.address)
	say(t, conn, "POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")
	for range 64 { // more than the application reads before it is gone
		say(t, conn, strings.Repeat("a", 32<<10))
	}
	hear(t, conn, refusal)
	s.wants(probe.RequestsTotal, "1 413")
}

func TestAnApplicationThatIsNotThere(t *testing.T) {
	none := nobody(t)
	for _, c := range []struct {
		name, said       string
		protocol         probe.Protocol
		requests, others string
	}{
		{"a request", get, probe.Auto, "1 502", ""},
		{"TLS", "\x16\x03\x01", probe.Auto, "", "1 refused"},
		{"not to be read", get, probe.TCP, "", "1 refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := before(t, none, c.protocol)
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.address) // it may be reset before that is done
			var answer []byte
			if err == nil {
				defer conn.Close()
				_, _ = io.WriteString(conn, c.said)
				answer, err = io.ReadAll(conn)
			}
			if c.requests == "" && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("heard %q, %v", answer, err)
			}
			if want := fmt.Sprintf("the application does not listen on port %d", none.(*net.TCPAddr).Port); c.requests != "" &&
				(!strings.HasPrefix(string(answer), "HTTP/1.1 502 ") || !strings.Contains(string(answer), want) || err != nil) {
				t.Errorf("heard %q, %v", answer, err)
			}
			s.end()
			s.wants(probe.RequestsTotal, c.requests)
			s.wants(probe.ConnectionsTotal, c.others)
		})
	}
}

// TestAnApplicationIsWhereItIsWithoutIt: it is found at the address by which the client found the pod, sees
// that one, and is not found at others.
func TestAnApplicationIsWhereItIsWithoutIt(t *testing.T) {
	hosts := []string{"::1"}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if a, is := a.(*net.IPNet); is && a.IP.To4() != nil && !a.IP.IsLoopback() {
			hosts = append(hosts, a.IP.String())
		}
	}
	for _, host := range hosts {
		t.Run(host, func(t *testing.T) {
			l := listen(t, net.JoinHostPort(host, "0"))
			s := before(t, l.Addr(), probe.Auto)
			go func() {
				if conn, err := l.AcceptTCP(); err == nil {
					say(t, conn, "here is "+conn.RemoteAddr().(*net.TCPAddr).IP.String())
					conn.Close()
				}
			}()
			_, port, _ := net.SplitHostPort(s.address)
			hear(t, dial(t, net.JoinHostPort(host, port)), "here is "+host)
			other := dial(t, s.address)
			say(t, other, get)
			hear(t, other, "HTTP/1.1 502 ")
		})
	}
}

func TestTLSIsSaidOnce(t *testing.T) {
	s := before(t, application(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) }), probe.Auto)
	for range 3 {
		conn := dial(t, s.address)
		say(t, conn, "\x16\x03\x01")
		hear(t, conn, "\x16\x03\x01")
		conn.Close()
	}
	s.wants(probe.ConnectionsTotal, "3 closed")
	if said := <-s.logged; !strings.Contains(said, "the application ends TLS itself") || len(s.logged) > 0 {
		t.Errorf("logged %s, and %d more", said, len(s.logged))
	}
}

func TestSilenceIsNotCounted(t *testing.T) {
	seen := make(chan struct{})
	s := before(t, application(t, func(conn *net.TCPConn) {
		_, _ = io.Copy(io.Discard, conn)
		close(seen)
	}), probe.Auto)
	dial(t, s.address).Close()
	<-seen
	s.end()
	s.wants(probe.ConnectionsTotal, "")
}

// TestAClientThatReadsNothingIsNotReadFor: what it does not take stays with the application.
func TestAClientThatReadsNothingIsNotReadFor(t *testing.T) {
	const much = 256 << 20
	written := make(chan int, 1)
	s := before(t, application(t, func(conn *net.TCPConn) {
		hear(t, conn, get)
		n, piece := 0, make([]byte, 64<<10)
		for n < much {
			_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
			m, err := conn.Write(piece)
			if n += m; err != nil {
				break
			}
		}
		written <- n
	}), probe.Auto)
	say(t, dial(t, s.address), get)
	if n := <-written; n > much/4 { // what the kernel keeps of three connections
		t.Errorf("%d bytes were taken from the application", n)
	}
}

func TestStopEndsWhatIsOpen(t *testing.T) {
	s := before(t, application(t, func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) }), probe.Auto)
	conn := dial(t, s.address)
	say(t, conn, get)
	s.wants(probe.RequestsInFlight, "1")
	s.end()
	s.wants(probe.RequestsInFlight, "")
	s.wants(probe.RequestsTotal, "1 other")
}
