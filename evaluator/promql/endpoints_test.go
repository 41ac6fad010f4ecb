package promql

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/outbound/transport"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(path, fallbackURL string) (*Endpoints, error) {
	return Open(path, endpoint.Definition{Target: outbound.Target{URL: fallbackURL}, Labels: endpoint.PodLabels{Namespace: "namespace", Pod: "pod"}}, NewMetrics(nil), clock.RealClock{})
}

func TestCredentialsAreReadForEachQuery(t *testing.T) {
	var got string
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		reply200(success("scalar", `[1,"1"]`))(w, r)
	})
	dir := t.TempDir()
	token, password := write(t, dir, "token", "first\n"), write(t, dir, "password", "secret")
	bearer := client(t, at(address, func(e *endpoint.Definition) { e.Auth.BearerTokenFile = token }))
	for i, want := range []string{"first", "second"} {
		write(t, dir, "token", want)
		if _, err := bearer.Query(t.Context(), fmt.Sprint(i), noon); err != nil || got != "Bearer "+want {
			t.Errorf("got %q, %v", got, err)
		}
	}
	basic := at(address, func(e *endpoint.Definition) {
		e.Auth.Basic = &outbound.Basic{Username: "holdfast", PasswordFile: password}
	})
	ask1(t, client(t, basic))
	if got != "Basic aG9sZGZhc3Q6c2VjcmV0" {
		t.Errorf("got %q", got)
	}
	for name, text := range map[string]string{"empty": "\n", "two lines": "a\r\nX: y"} {
		write(t, dir, "token", text)
		if o, _ := bearer.Query(t.Context(), name, noon); o.Error != "Prometheus refused Holdfast: "+transport.ErrCredential.Error() {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// TestMutualTLS: a server that wants a client certificate is asked with it, and
// one whose CA is not known is not.
func TestMutualTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(reply200(success("scalar", `[1,"1"]`)))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	pair := s.TLS.Certificates[0] // of httptest; good enough to be the client's too
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate := write(t, dir, "tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	private := write(t, dir, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	mutual := outbound.TLS{CAFile: certificate, CertFile: certificate, KeyFile: private, ServerName: "example.com"}
	for name, tc := range map[string]struct {
		tls  outbound.TLS
		want string
	}{
		"all of it":                  {mutual, ""},
		"no client certificate":      {outbound.TLS{CAFile: certificate}, "could not be asked"},
		"unknown CA":                 {outbound.TLS{CertFile: certificate, KeyFile: private}, "certificate"},
		"another name of the server": {outbound.TLS{CAFile: certificate, CertFile: certificate, KeyFile: private, ServerName: "other.test"}, "for another name"},
	} {
		t.Run(name, func(t *testing.T) {
			got := askAt(t, s.URL, func(e *endpoint.Definition) { e.TLS = tc.tls })
			if (got.Error == "") != (tc.want == "") || !strings.Contains(got.Error, tc.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
	if _, err := New(at(s.URL, func(e *endpoint.Definition) { e.TLS.CAFile = private }), NewMetrics(nil), nil); err == nil {
		t.Error("a CA file without a certificate is taken")
	}
}

func TestEndpointsOfAFile(t *testing.T) {
	hits := map[string]int{}
	named := func(name string) string {
		return server(t, func(w http.ResponseWriter, r *http.Request) {
			hits[name]++
			reply200(success("scalar", `[1,"1"]`))(w, r)
		})
	}
	a, b, flag := named("a"), named("b"), named("flag")
	dir := t.TempDir()
	path := write(t, dir, "endpoints.yaml", fmt.Sprintf("endpoints:\n- {name: a, url: %q}\n- {name: b, url: %q, namespaces: [shop]}\n", a, b))
	all, err := open(path, flag)
	if err != nil {
		t.Fatal(err)
	}
	find := func(namespace, name string) *Client { // without tenancy
		t.Helper()
		c, err := all.Find(namespace, name)
		if err != nil {
			t.Fatal(err)
		}
		return c.client
	}
	for _, c := range []*Client{find("x", "a"), find("shop", "b"), find("x", ""), find("x", "default")} {
		ask1(t, c)
	}
	if hits["a"] != 1 || hits["b"] != 1 || hits["flag"] != 1 { // the last two are one client, and one question
		t.Errorf("asked: %v", hits)
	}
	for _, tc := range []struct{ namespace, name, want string }{
		{"x", "b", `unknown Prometheus endpoint "b": plans of namespace "x" may name a, default;`},
		{"shop", "c", `plans of namespace "shop" may name a, b, default;`},
	} {
		if _, err := all.Find(tc.namespace, tc.name); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Find(%q, %q): %v", tc.namespace, tc.name, err)
		}
	}

	before := find("x", "a")
	write(t, dir, "endpoints.yaml", "endpoints: [")
	if err := all.Reread(); err == nil || find("x", "a") != before {
		t.Errorf("a mistake changes nothing and is told: %v", err)
	}
	write(t, dir, "endpoints.yaml", fmt.Sprintf("endpoints:\n- {name: a, url: %q}\n- {name: c, url: %q}\n", a, b))
	if err := all.Reread(); err != nil {
		t.Fatal(err)
	}
	if find("x", "a") != before {
		t.Error("an endpoint that did not change was made anew")
	}
	find("x", "c")
	if _, err := all.Find("shop", "b"); err == nil {
		t.Error("an endpoint that is gone is found")
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct{ text, flag, want string }{
		"mistakes, all of them": {"endpoints:\n- {name: A, url: x}\n", "", `[endpoints[0].name: Invalid value: "A"`},
		"two defaults":          {"endpoints:\n- {name: default, url: 'http://a'}\n", "http://b", "and so does --prometheus-url"},
		"no such CA":            {"endpoints:\n- {name: a, url: 'https://a', tls: {caFile: /nowhere/ca.crt}}\n", "", `endpoint "a": tls.caFile: open /nowhere/ca.crt`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := open(write(t, dir, "endpoints.yaml", tc.text), tc.flag); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := open(filepath.Join(dir, "nowhere"), ""); err == nil {
		t.Error("a file that is not there is taken")
	}
}

func TestWithoutAFileThereIsTheDefault(t *testing.T) {
	all, err := open("", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := all.Find("x", "")
	if err != nil || ask1(t, c.client).Error != errNone.Error() {
		t.Errorf("got %v, %v", c, err)
	}
	if _, err := all.Find("x", "thanos"); err == nil || !strings.Contains(err.Error(), `may name default;`) {
		t.Errorf("got %v", err)
	}
}
