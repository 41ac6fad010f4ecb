package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"holdfast.dev/holdfast/internal/outbound"
)

// ErrCredential is for files with credentials that cannot be read.
var ErrCredential = errors.New("the credentials cannot be read")

// New makes one that shares nothing with that of another target: no connections, no TLS
// sessions. Timeout is for each part of a request, connections are the most at once.
// It fails where a file of the TLS settings cannot be read.
func New(t outbound.Target, timeout time.Duration, connections int) (http.RoundTripper, error) {
	config, err := tlsConfig(t.TLS)
	if err != nil {
		return nil, err
	}
	return &identified{target: t, next: &http.Transport{ // without a Proxy: none of the environment's
		DialContext:            (&net.Dialer{Timeout: min(timeout, 5*time.Second), KeepAlive: 30 * time.Second, Control: guard(t)}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    min(timeout, 5*time.Second),
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 64 << 10,
	}}, nil
}

// NoRedirects is for http.Client.CheckRedirect: where a server sends people on to is not for it to say.
func NoRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func tlsConfig(t outbound.TLS) (*tls.Config, error) {
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

// identified says who asks: credentials, and the headers of the target.
type identified struct {
	next   *http.Transport
	target outbound.Target
}

// CloseIdleConnections lets go of what waits for a next request.
func (i *identified) CloseIdleConnections() { i.next.CloseIdleConnections() }

// RoundTrip implements http.RoundTripper. Credentials are read each time: the
// kubelet renews tokens in the files that it mounts.
func (i *identified) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper must not change the request it is given
	for name, value := range i.target.Headers {
		r.Header.Set(name, value)
	}
	switch auth := i.target.Auth; {
	case auth.BearerTokenFile != "":
		token, err := ReadCredential(auth.BearerTokenFile)
		if err != nil {
			return nil, fmt.Errorf("%w: auth.bearerTokenFile: %w", ErrCredential, err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	case auth.Basic != nil:
		password, err := ReadCredential(auth.Basic.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("%w: auth.basic.passwordFile: %w", ErrCredential, err)
		}
		r.SetBasicAuth(auth.Basic.Username, password)
	}
	return i.next.RoundTrip(r)
}

// ReadCredential reads a file that holds one line, without what is around it.
func ReadCredential(name string) (string, error) {
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
