package serving

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"holdfast.dev/holdfast/internal/clientcert"
)

// TestOnlyAPIServersAreAnswered on the wire: a table of certificates that a client shows.
func TestOnlyAPIServersAreAnswered(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	file := filepath.Join(t.TempDir(), "ca.crt")
	write(t, file, ours.pem)
	post := serveClients(t, &clientcert.Clients{CAFile: file, Name: "apiserver"})
	for name, tc := range map[string]struct {
		shown []tls.Certificate
		want  string
	}{
		"the API server's":                {[]tls.Certificate{ours.issue(t, "apiserver", x509.ExtKeyUsageClientAuth)}, "answered"},
		"one with that DNS name":          {[]tls.Certificate{ours.issue(t, "other", x509.ExtKeyUsageClientAuth, "apiserver")}, "answered"},
		"none":                            {nil, "401 holdfast: show a client certificate (--client-ca-file)"},
		"another client's of the same CA": {[]tls.Certificate{ours.issue(t, "kubelet", x509.ExtKeyUsageClientAuth)}, "bad certificate"},
		"that of another CA":              {[]tls.Certificate{others.issue(t, "apiserver", x509.ExtKeyUsageClientAuth)}, "bad certificate"},
		"a server's of that name":         {[]tls.Certificate{ours.issue(t, "apiserver", x509.ExtKeyUsageServerAuth)}, "bad certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := post(tc.shown); !strings.Contains(got, tc.want) {
				t.Errorf("the client reads %q, want %q", got, tc.want)
			}
		})
	}

	t.Run("another CA is trusted without a restart", func(t *testing.T) {
		write(t, file, others.pem)
		if got := post([]tls.Certificate{others.issue(t, "apiserver", x509.ExtKeyUsageClientAuth)}); got != "200 answered" {
			t.Errorf("the client reads %q", got)
		}
		if got := post([]tls.Certificate{ours.issue(t, "apiserver", x509.ExtKeyUsageClientAuth)}); !strings.Contains(got, "bad certificate") {
			t.Errorf("with the CA that is gone the client reads %q", got)
		}
	})
	t.Run("nobody is trusted without a CA", func(t *testing.T) {
		write(t, file, []byte("nothing"))
		if got := post([]tls.Certificate{others.issue(t, "apiserver", x509.ExtKeyUsageClientAuth)}); !strings.Contains(got, "bad certificate") {
			t.Errorf("the client reads %q", got)
		}
		if err := (&clientcert.Clients{CAFile: file}).Check(); err == nil {
			t.Error("a file without certificates is taken for good")
		}
	})
}

// serveClients starts a server and returns what a client reads that shows a certificate.
func serveClients(t *testing.T, clients *clientcert.Clients) func([]tls.Certificate) string {
	t.Helper()
	donor := httptest.NewTLSServer(nil)
	t.Cleanup(donor.Close)
	port := donor.Listener.Addr().(*net.TCPAddr).Port
	donor.Listener.Close()
	s := &Server{Clients: clients, Limiter: testLimiter(), Server: webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, TLSOpts: []func(*tls.Config){
		func(c *tls.Config) {
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &donor.TLS.Certificates[0], nil }
		},
		clients.Ask,
	}})}
	s.Register("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "answered") }))
	ctx := t.Context()
	go func() { _ = s.Start(ctx) }()
	for s.StartedChecker()(nil) != nil { // it shakes hands without a certificate, as the readiness probe does
		time.Sleep(time.Millisecond)
	}
	roots := donor.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return func(shown []tls.Certificate) string {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: shown}}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("https://127.0.0.1:%d/", port), strings.NewReader("update"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return fmt.Sprintf("%d %s", resp.StatusCode, body)
	}
}

// authority is a CA.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, certificate := sign(t, template, template, nil)
	return authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})}
}

func (a authority) issue(t *testing.T, name string, usage x509.ExtKeyUsage, dns ...string) tls.Certificate {
	t.Helper()
	key, certificate := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, DNSNames: dns,
	}, a.certificate, a.key)
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

// sign makes a key and its certificate; without the key of a parent it signs itself.
func sign(t *testing.T, template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
