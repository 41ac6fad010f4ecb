package serving

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// TestAServerToldToStopTakesItsLeave: on a connection that a client keeps, the
// next request is answered, and the answer says that it is the last one.
func TestAServerToldToStopTakesItsLeave(t *testing.T) {
	_, stop, ended, post := serve(t, time.Minute)
	if kept := post(); !kept {
		t.Error("a connection ends although the server goes on")
	}
	stop()
	for post() { // the news that it is to stop reaches the server a moment later
	}
	if kept := post(); kept {
		t.Error("a leaving server keeps a new connection")
	}
	select {
	case err := <-ended:
		t.Errorf("the server ended before its farewell was over: %v", err)
	default:
	}
}

// TestTheFarewellEnds: then the server stops, and its port is closed.
func TestTheFarewellEnds(t *testing.T) {
	s, stop, ended, post := serve(t, time.Millisecond)
	post()
	stop()
	s.Wait()
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v, want no error", err)
	}
}

// serve starts a server. The returned functions tell it to stop, and send a
// request and tell whether the connection is kept; ended has what Start returned.
func serve(t *testing.T, farewell time.Duration) (s *Server, stop func(), ended <-chan error, post func() bool) {
	t.Helper()
	donor := httptest.NewTLSServer(nil) // of a certificate, and of a client that trusts it
	t.Cleanup(donor.Close)
	port := donor.Listener.Addr().(*net.TCPAddr).Port
	donor.Listener.Close()
	s = &Server{Farewell: farewell, Limiter: testLimiter(), Server: webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, TLSOpts: []func(*tls.Config){
		func(c *tls.Config) {
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &donor.TLS.Certificates[0], nil }
		},
	}})}
	s.Register("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "answered") }))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Start(ctx) }()
	url := fmt.Sprintf("https://127.0.0.1:%d/", port)
	for s.StartedChecker()(nil) != nil {
		time.Sleep(time.Millisecond)
	}
	return s, cancel, done, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("update"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := donor.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return !resp.Close
	}
}
