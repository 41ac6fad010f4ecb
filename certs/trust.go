package certs

import (
	"crypto/x509"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// trust is the CAs that API servers have been told to trust, by the raw
// certificate, and since when this replica has seen them there. A replica that
// has just started has seen each for no time, and only waits longer for it.
type trust map[string]trusted

type trusted struct {
	certificate *x509.Certificate
	since       time.Time
}

// observe is the trust after a look at what is published now. A CA that was
// taken off and comes back starts anew.
func (t trust) observe(published []*x509.Certificate, now time.Time) trust {
	next := trust{}
	for _, ca := range published {
		entry := trusted{ca, now}
		if before, known := t[string(ca.Raw)]; known {
			entry = before
		}
		next[string(ca.Raw)] = entry
	}
	return next
}

// age is how long a CA has been published; false if it is not.
func (t trust) age(ca *x509.Certificate, now time.Time) (time.Duration, bool) {
	entry, known := t[string(ca.Raw)]
	return now.Sub(entry.since), known
}

// accepts is how long API servers have had what they need to accept a chain,
// leaf first, for this host; false if they do not accept it.
func (t trust) accepts(chain []*x509.Certificate, host string, now time.Time) (longest time.Duration, ok bool) {
	between := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		between.AddCert(certificate)
	}
	for _, entry := range t {
		root := x509.NewCertPool()
		root.AddCert(entry.certificate)
		_, err := chain[0].Verify(x509.VerifyOptions{Roots: root, Intermediates: between, DNSName: host, CurrentTime: now})
		if err == nil {
			longest, ok = max(longest, now.Sub(entry.since)), true
		}
	}
	return longest, ok
}

// certificates is every CA that is published.
func (t trust) certificates() []*x509.Certificate {
	var out []*x509.Certificate
	for _, entry := range t {
		out = append(out, entry.certificate)
	}
	return out
}

// publishedBy is the CAs that every entry of the configuration trusts: one that
// an entry lacks, or an entry that cannot be read, is of no use to the webhook.
func publishedBy(config admissionregistrationv1.MutatingWebhookConfiguration) []*x509.Certificate {
	var shared []*x509.Certificate
	for i, webhook := range config.Webhooks {
		cas, err := decodeCertificates(webhook.ClientConfig.CABundle)
		if err != nil {
			return nil
		}
		if i == 0 {
			shared = cas
			continue
		}
		var both []*x509.Certificate
		for _, ca := range shared {
			if contains(cas, ca) {
				both = append(both, ca)
			}
		}
		shared = both
	}
	return shared
}

func contains(certificates []*x509.Certificate, one *x509.Certificate) bool {
	for _, c := range certificates {
		if c.Equal(one) {
			return true
		}
	}
	return false
}
