package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// How long API servers may take to see a published CA. They watch, so it is a
// matter of milliseconds; waiting costs nothing while there is another
// certificate to serve, but a replica that has none is not Ready so long.
const (
	propagation      = 10 * time.Second
	propagationReady = 3 * time.Second
)

// serving is what a replica serves and what it knows of the trust in it. Only
// the goroutine that keeps it up to date changes it.
type serving struct {
	trust   trust
	current atomic.Pointer[tls.Certificate]
	// trusted says that all API servers know to trust what is served; it stays,
	// because a replica that is not Ready helps no one when they forget.
	trusted atomic.Bool
	// problem is why there is nothing better to serve, for people.
	problem atomic.Pointer[string]
}

// GetCertificate is for tls.Config.
func (s *serving) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate := s.current.Load()
	if certificate == nil {
		return nil, errors.New("no serving certificate yet")
	}
	return certificate, nil
}

// ready says why API servers cannot call this replica, if they cannot.
func (s *serving) ready(now time.Time) error {
	why := "it has not been looked for yet"
	if problem := s.problem.Load(); problem != nil && *problem != "" {
		why = *problem
	} else if problem != nil {
		why = "they have only just been told of its CA"
	}
	current := s.current.Load()
	switch {
	case current == nil:
		return fmt.Errorf("there is no serving certificate: %s", why)
	case !now.Before(current.Leaf.NotAfter):
		return fmt.Errorf("the serving certificate expired at %s: %s", current.Leaf.NotAfter.UTC().Format(time.RFC3339), why)
	case !s.trusted.Load():
		return fmt.Errorf("API servers do not trust the serving certificate: %s", why)
	}
	return nil
}

// observe takes in what the webhook configuration trusts.
func (s *serving) observe(config admissionregistrationv1.MutatingWebhookConfiguration, now time.Time) {
	s.trust = s.trust.observe(publishedBy(config), lastChange(config, now))
}

// offer serves the candidate if that is better than to go on with what is
// served, and says whether it is served now.
//
//  1. It is served already.
//  2. Without anything good to serve, anything is better.
//  3. API servers have trusted it for long enough that all of them know.
//  4. They trust it, and what is served they do not trust any more.
func (s *serving) offer(candidate *tls.Certificate, host string, now time.Time) (served, changed bool) {
	current := s.current.Load()
	trustedFor, trusted := s.accepts(candidate, host, now)
	switch {
	case current != nil && current.Leaf.Equal(candidate.Leaf):
	case current == nil, !now.Before(current.Leaf.NotAfter):
		changed = true
	case trusted && trustedFor >= propagation:
		changed = true
	default:
		_, good := s.accepts(current, host, now)
		if !trusted || good {
			return false, false
		}
		changed = true
	}
	if changed {
		s.current.Store(candidate)
	}
	if trusted && trustedFor >= propagationReady {
		s.trusted.Store(true)
	}
	return true, changed
}

// accepts is trust.accepts for a certificate as it is served.
func (s *serving) accepts(certificate *tls.Certificate, host string, now time.Time) (time.Duration, bool) {
	chain := []*x509.Certificate{certificate.Leaf}
	for _, der := range certificate.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil { // else API servers cannot use it either
			chain = append(chain, c)
		}
	}
	return s.trust.accepts(chain, host, now)
}

// note remembers a problem, "" for none, and says whether it is news.
func (s *serving) note(problem string) bool {
	before := s.problem.Swap(&problem)
	return problem != "" && (before == nil || *before != problem)
}
