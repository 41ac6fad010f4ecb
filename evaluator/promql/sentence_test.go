package promql

import (
	"bufio"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"holdfast.dev/holdfast/internal/endpoint"
)

// says is a server that reads a request, sends a text and closes the connection,
// after reset if that is not nil, and then by a reset.
func says(t *testing.T, text string, reset <-chan struct{}) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if request, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, request.Body)
			}
			_, _ = io.WriteString(conn, text)
			if tcp, ok := conn.(*net.TCPConn); ok && reset != nil {
				<-reset
				_ = tcp.SetLinger(0)
			}
			conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// logged asks, and returns what tenants are told and what the log is.
func logged(ctx context.Context, t *testing.T, c *Client, query string) (told, log string) {
	t.Helper()
	var lines []string
	ctx = logr.NewContext(ctx, funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
	o, err := c.Query(ctx, query, noon)
	if err != nil {
		t.Fatal(err)
	}
	return o.Error, strings.Join(lines, "\n")
}

// TestOnlyHoldfastsOwnWordsAreTold: errors of the network, of certificates and of
// HTTP name addresses and hosts, and repeat what a server said. Tenants read none
// of that; the log has all of it.
func TestOnlyHoldfastsOwnWordsAreTold(t *testing.T) {
	const (
		head    = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n"
		unread  = "the answer of Prometheus cannot be read: "
		unasked = "Prometheus could not be asked: "
		noHTTP  = unasked + "what answers does not speak HTTP as it should"
		of      = `"endpoint"="default"`
	)
	secure := httptest.NewUnstartedServer(reply200(""))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail
	secure.StartTLS()
	t.Cleanup(secure.Close)
	authority := write(t, t.TempDir(), "ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	begun := make(chan struct{})
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no server at 192.0.2.53")
	}}

	for name, tc := range map[string]struct {
		url    string
		change func(*endpoint.Definition)
		want   string
		logged string // a part of it
	}{
		"a reset within the body":     {says(t, head+"\r\n{", begun), nil, unread + "it ends in the middle", "connection reset by peer"},
		"a body that ends early":      {says(t, head+"\r\n{secret", nil), nil, unread + "it ends in the middle", "unexpected EOF"},
		"a body that is not packed":   {says(t, head+"Content-Encoding: gzip\r\n\r\nsecret-banner", nil), nil, unread + "it is not sent as HTTP has it", "gzip"},
		"no HTTP":                     {says(t, "SSH-2.0 secret-banner\r\n", nil), nil, noHTTP, "secret-banner"},
		"a header that is none":       {says(t, head+"secret banner\r\n\r\n", nil), nil, noHTTP, "secret banner"},
		"a redirect to no URL":        {says(t, "HTTP/1.1 302 Found\r\nLocation: http://secret-banner:x/\r\n\r\n", nil), nil, noHTTP, "secret-banner"},
		"nothing":                     {says(t, "", nil), nil, unasked + "the connection was closed without an answer", "EOF"},
		"nobody":                      {"http://127.0.0.1:1", nil, unasked + "connection refused", "dial tcp 127.0.0.1:1"},
		"a name that is none":         {"http://secret-banner.invalid", nil, unasked + "its name cannot be resolved", "no server at 192.0.2.53"},
		"a certificate of another CA": {secure.URL, nil, unasked + "its certificate is signed by an unknown authority", "x509"},
		"a certificate of another name": {
			strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), func(e *endpoint.Definition) { e.TLS.CAFile = authority },
			unasked + "its certificate is for another name", "example.com",
		},
		"no TLS": {strings.Replace(server(t, reply200("")), "http:", "https:", 1), nil, unasked + "it does not speak TLS", "HTTPS client"},
		"a token that is not there": {
			"http://127.0.0.1:1", func(e *endpoint.Definition) { e.Auth.BearerTokenFile = "/nowhere/secret-token" },
			"Prometheus refused Holdfast: the credentials cannot be read", "/nowhere/secret-token",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := at(tc.url)
			if tc.change != nil {
				tc.change(&e)
			}
			ctx := t.Context()
			if strings.Contains(name, "reset") { // all that was sent is read with the first byte
				ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { close(begun) }})
			}
			told, log := logged(ctx, t, client(t, e), "up")
			if told != tc.want {
				t.Errorf("told:   %s\nwanted: %s", told, tc.want)
			}
			if !strings.Contains(log, of) || !strings.Contains(log, tc.logged) {
				t.Errorf("logged: %s\nwanted %q in it", log, tc.logged)
			}
		})
	}
}
