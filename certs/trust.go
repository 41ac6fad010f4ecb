package certs

import (
	"crypto/x509"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// trust is the CAs that API servers have been told to trust, by the raw
// certificate, and since when they have, as far as this replica can tell.
type trust map[string]trusted

type trusted struct {
	certificate *x509.Certificate
	since       time.Time
}

// observe is the trust after a look at what is published, by a configuration
// that was last changed then. A CA that was taken off and comes back starts anew.
func (t trust) observe(published []*x509.Certificate, changed time.Time) trust {
	next := trust{}
	for _, ca := range published {
		entry := trusted{ca, changed}
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

// lastChange is when the configuration was last written, by the clock of the API
// server, which may differ; now at the latest.
func lastChange(config admissionregistrationv1.MutatingWebhookConfiguration, now time.Time) time.Time {
	var last time.Time
	for _, entry := range config.ManagedFields {
		if entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	if last.IsZero() || last.After(now) {
		return now
	}
	return last
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

// merged is what an entry should trust that trusts the bundle now: ours too, and
// what has not expired of the rest, under which somebody may serve. It is what
// cert-manager's cainjector does, so that the two cannot undo each other's work.
// Without a need for change it is not changed.
func merged(bundle []byte, ours []*x509.Certificate, now time.Time) (_ []byte, changed bool) {
	before, err := decodeCertificates(bundle)
	if err != nil {
		before = nil // nobody can serve under what cannot be read
	}
	out := unexpired(before, now)
	for _, ca := range ours {
		if !contains(out, ca) {
			out, changed = append(out, ca), true
		}
	}
	return encodeCertificates(out), changed || len(out) != len(before)
}

func contains(certificates []*x509.Certificate, one *x509.Certificate) bool {
	for _, c := range certificates {
		if c.Equal(one) {
			return true
		}
	}
	return false
}
