package backends

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/test/cluster/pki"
)

// What those that ask as the docs say have to show.
const token, password, client = "a-token", "a-password", "holdfast"

// guarded is a server as an example has it: what answers behind it, under which path, and who may ask.
type guarded struct {
	behind func(world) string
	path   string
	// name is what its certificate is for.
	name string
	// lacks is what is missing in a request, "" if nothing is.
	lacks func(*http.Request) string
}

// documented are the endpoints of the docs by their names.
var documented = map[string]guarded{
	"default": {behind: func(w world) string { return w.prometheus }, name: "127.0.0.1", lacks: func(r *http.Request) string {
		return unless(r.Header.Get("Authorization") == "Bearer "+token, "the token")
	}},
	"thanos": {behind: func(w world) string { return or(w.thanos, w.prometheus) }, name: "thanos-query", lacks: func(r *http.Request) string {
		return unless(r.TLS.PeerCertificates[0].Subject.CommonName == client, "the certificate") +
			unless(r.FormValue("partial_response") == "false", "partial_response")
	}},
	"mimir-shop": {behind: func(w world) string { return or(w.mimir, w.receiver) }, path: "/prometheus", lacks: func(r *http.Request) string {
		return unless(r.Header.Get("X-Scope-OrgID") == shop, "the tenant")
	}},
	"victoria": {behind: func(w world) string { return w.victoria }, path: "/select/7/prometheus", lacks: func(r *http.Request) string {
		username, said, _ := r.BasicAuth()
		return unless(username == "holdfast" && said == password, "the password") + unless(r.FormValue("latency_offset") == "1s", "latency_offset") +
			unless(strings.Contains(r.FormValue("query"), `kubernetes_namespace="shop",kubernetes_pod_name`), "the labels")
	}},
	"shared": {behind: func(w world) string { return w.prometheus }, lacks: func(r *http.Request) string {
		return unless(strings.Contains(r.FormValue("query"), `namespace="shop"`) && strings.Contains(r.FormValue("query"), `cluster="eu-1"`), "the matchers")
	}},
}

func unless(there bool, what string) string {
	if there {
		return ""
	}
	return " " + what
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// gate lets those through to a server who ask as an example says, and tells what others lack.
type gate struct {
	address string
	mu      sync.Mutex
	passed  int
	refused []string
}

// openGate opens that of a documented endpoint.
func openGate(t *testing.T, w world, e endpoint.Definition, c credentials) *gate {
	t.Helper()
	of, ok := documented[e.Name]
	if !ok {
		t.Fatalf("endpoint %s of the docs is used by no test: say here what answers, and who may ask", e.Name)
	}
	behind, err := url.Parse(of.behind(w))
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	server := httptest.NewUnstartedServer(http.StripPrefix(of.path, g.handler(of, httputil.NewSingleHostReverseProxy(behind))))
	if strings.HasPrefix(e.URL, "https:") {
		server.TLS = tlsOf(t, of.name, e, c)
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	g.address = server.URL
	return g
}

func (g *gate) handler(of guarded, through http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		read := r.Clone(r.Context())
		read.Body, r.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
		g.mu.Lock()
		defer g.mu.Unlock()
		if lacks := of.lacks(read); lacks != "" {
			g.refused = append(g.refused, read.Form.Encode()+" lacks"+lacks)
			http.Error(w, lacks, http.StatusForbidden)
			return
		}
		g.passed++
		through.ServeHTTP(w, r)
	})
}

// tlsOf is that of a server whose certificate is for a name, and which wants one where the endpoint has one
// to show.
func tlsOf(t *testing.T, name string, e endpoint.Definition, c credentials) *tls.Config {
	t.Helper()
	if err := c.authority.Issue(pki.Identity{File: e.Name, User: e.Name, Hosts: []string{name}}); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(c.dir, e.Name+".crt"), filepath.Join(c.dir, e.Name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if e.TLS.CertFile != "" {
		text, err := os.ReadFile(filepath.Join(c.dir, "ca.crt"))
		if err != nil {
			t.Fatal(err)
		}
		out.ClientAuth, out.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		out.ClientCAs.AppendCertsFromPEM(text)
	}
	return out
}

// inPlaceOf is the text of a file with the gate in the place of the host of an endpoint.
func (g *gate) inPlaceOf(t *testing.T, e endpoint.Definition, text string) string {
	t.Helper()
	host, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	there := host.Scheme + "://" + host.Host
	if strings.Count(text, there) != 1 {
		t.Fatalf("%s stands %d times in the file", there, strings.Count(text, there))
	}
	return strings.Replace(text, there, g.address, 1)
}

// end holds that it was asked, and always as documented.
func (g *gate) end(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.passed == 0 || len(g.refused) > 0 {
		t.Errorf("%d were let through, and refused was %q", g.passed, g.refused)
	}
}
