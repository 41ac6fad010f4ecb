package promql

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"holdfast.dev/holdfast/internal/endpoint"
)

// newHTTPClient makes a client that shares nothing with that of another
// endpoint: no connections, no TLS sessions, no cookies.
func newHTTPClient(e endpoint.Endpoint) (*http.Client, error) {
	config, err := tlsConfig(e.TLS)
	if err != nil {
		return nil, err
	}
	timeout := e.Limits.Timeout.Duration
	transport := &http.Transport{ // without a Proxy: none of the environment's
		DialContext:            (&net.Dialer{Timeout: min(timeout, 5*time.Second), KeepAlive: 30 * time.Second, Control: guard(e)}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    min(timeout, 5*time.Second),
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        e.Limits.Concurrency,
		MaxIdleConnsPerHost:    e.Limits.Concurrency,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{
		Transport:     &limited{next: &identified{next: transport, endpoint: e}, limit: e.Limits.MaxResponse.Value()},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func tlsConfig(t endpoint.TLS) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.caFile: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.caFile: %s has no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls.certFile and tls.keyFile: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// identified says who asks: credentials, and the headers of the endpoint.
type identified struct {
	next     http.RoundTripper
	endpoint endpoint.Endpoint
}

// RoundTrip implements http.RoundTripper. Credentials are read each time: the
// kubelet renews tokens in the files that it mounts.
func (i *identified) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper must not change the request it is given
	for name, value := range i.endpoint.Headers {
		r.Header.Set(name, value)
	}
	switch auth := i.endpoint.Auth; {
	case auth.BearerTokenFile != "":
		token, err := readCredential(auth.BearerTokenFile)
		if err != nil {
			return nil, fmt.Errorf("%w: auth.bearerTokenFile: %w", errCredential, err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	case auth.Basic != nil:
		password, err := readCredential(auth.Basic.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("%w: auth.basic.passwordFile: %w", errCredential, err)
		}
		r.SetBasicAuth(auth.Basic.Username, password)
	}
	return i.next.RoundTrip(r)
}

func readCredential(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if text == "" || strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return "", fmt.Errorf("%s is empty, or more than one line", name)
	}
	return text, nil
}
