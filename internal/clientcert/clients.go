// Package clientcert tells by the certificates that they show which clients of a server of Holdfast's are
// welcome.
package clientcert

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
)

// Clients tells those who may call from everybody else by the certificates that
// they show.
//
// A wrong certificate ends the handshake, so whoever has configured it reads why
// in the client's error. Without one the handshake succeeds and the request
// is refused: the pod's own readiness check shakes hands too, and shows none.
type Clients struct {
	// CAFile has the CAs, in PEM, that sign the certificates of clients. It is read
	// at each handshake, which clients that keep connections seldom do, so a change
	// needs no restart.
	CAFile string
	// Name is the common name, or one of the DNS names, that a certificate must
	// have; "" takes all that the CAs have signed for clients.
	Name string
}

// Check says what is wrong with the file.
func (c *Clients) Check() error {
	_, err := c.roots()
	return err
}

// Ask has a server ask for certificates and refuse wrong ones.
func (c *Clients) Ask(config *tls.Config) {
	config.ClientAuth = tls.RequestClientCert
	config.VerifyConnection = c.verify
}

// Only lets through who has shown a certificate. flag is the flag that asks for it, for those who read the
// refusal.
func (c *Clients) Only(flag string, hook http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			http.Error(w, "holdfast: show a client certificate ("+flag+")", http.StatusUnauthorized)
			return
		}
		hook.ServeHTTP(w, r)
	})
}

func (c *Clients) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return nil // see Only
	}
	roots, err := c.roots()
	if err != nil {
		return err
	}
	leaf, between := state.PeerCertificates[0], x509.NewCertPool()
	for _, ca := range state.PeerCertificates[1:] {
		between.AddCert(ca)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("client certificate of %q: %w", leaf.Subject.CommonName, err)
	}
	if c.Name != "" && leaf.Subject.CommonName != c.Name && !slices.Contains(leaf.DNSNames, c.Name) {
		return fmt.Errorf("client certificate is of %q, want %q", leaf.Subject.CommonName, c.Name)
	}
	return nil
}

func (c *Clients) roots() (*x509.CertPool, error) {
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read CA of clients: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read CA of clients: %s: %w", c.CAFile, errNoCertificate)
	}
	return roots, nil
}

var errNoCertificate = errors.New("no certificate in PEM is in it")
