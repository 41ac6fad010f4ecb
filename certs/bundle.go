package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

// Lifetimes and waits of self-managed certificates.
const (
	caLifetime   = 365 * 24 * time.Hour
	leafLifetime = 60 * 24 * time.Hour
	// settle is how long a new CA is published before anything is served under
	// it: every API server must have seen it, or calls would fail.
	settle = 10 * time.Minute
	// clockSkew is how far the clocks of the cluster may differ.
	clockSkew = 5 * time.Minute
)

// Bundle is all that the replicas share, as it stands in the Secret.
type Bundle struct {
	// CA signs. Next, once there is one, will sign when it has settled.
	CA, Next *pair
	// Leaf is what is served.
	Leaf *pair
	// Retired are CA certificates that sign no more and are still trusted.
	Retired []*x509.Certificate
}

// Trusted is the PEM of every CA that API servers must trust.
func (b Bundle) Trusted() []byte { return encodeCertificates(b.authorities()) }

// authorities are the CAs that API servers must trust.
func (b Bundle) authorities() []*x509.Certificate {
	var out []*x509.Certificate
	for _, p := range []*pair{b.CA, b.Next} {
		if p != nil {
			out = append(out, p.certificate)
		}
	}
	return append(out, b.Retired...)
}

// Certificate is the leaf in the form that a TLS server takes.
func (b Bundle) Certificate() (*tls.Certificate, error) {
	if b.Leaf == nil {
		return nil, errors.New("no serving certificate has been issued yet")
	}
	return &tls.Certificate{
		Certificate: [][]byte{b.Leaf.certificate.Raw},
		PrivateKey:  b.Leaf.key,
		Leaf:        b.Leaf.certificate,
	}, nil
}

// Rotate returns the bundle as it should be now. It is b itself when nothing is
// due. told is the CAs that the API servers have been told to trust, and since when.
//
// A CA is replaced in two moves, so that no call fails: the next one is
// published beside it, and only when it has settled does it sign. The old one
// stays trusted until it expires. Leaves are renewed, and a CA gets its
// successor, when a third of the lifetime is left.
func Rotate(b Bundle, hosts []string, told trust, now time.Time) (Bundle, error) {
	var err error
	if b.CA == nil || b.CA.expired(now) {
		if b, err = freshStart(told, now); err != nil {
			return Bundle{}, err
		}
	}
	if b.Next == nil && b.CA.due(now) {
		if b.Next, err = newCA(now); err != nil {
			return Bundle{}, err
		}
	}
	if b.Next != nil && settled(b.Next, told, now) {
		b.Retired = append([]*x509.Certificate{b.CA.certificate}, b.Retired...)
		b.CA, b.Next = b.Next, nil
	}
	b.Retired = unexpired(b.Retired, now)
	if b.Leaf == nil || b.Leaf.due(now) || !b.Leaf.serves(hosts) || !b.Leaf.signedBy(b.CA) {
		if b.Leaf, err = b.CA.issue(hosts, now); err != nil {
			return Bundle{}, err
		}
	}
	return b, nil
}

// freshStart makes a bundle where there is none, or one that is of no use. What
// was published stays trusted: other replicas may still serve under it.
func freshStart(told trust, now time.Time) (Bundle, error) {
	ca, err := newCA(now)
	if err != nil {
		return Bundle{}, err
	}
	return Bundle{CA: ca, Retired: unexpired(told.certificates(), now)}, nil
}

// settled says that a CA has been published for long enough, however old it is.
func settled(p *pair, told trust, now time.Time) bool {
	age, published := told.age(p.certificate, now)
	return published && age >= settle
}

func unexpired(certificates []*x509.Certificate, now time.Time) []*x509.Certificate {
	var out []*x509.Certificate
	for _, c := range certificates {
		if now.Before(c.NotAfter) {
			out = append(out, c)
		}
	}
	return out
}
