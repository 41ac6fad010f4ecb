package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// CertManager serves what cert-manager issues. It only reads: the Secret that
// cert-manager keeps, the webhook configuration that its cainjector keeps, and,
// to say what is wrong, the Certificate.
type CertManager struct {
	Objects *Objects
	// Reader reads the Certificate live, with cert-manager's kinds in its scheme.
	Reader client.Reader
	// Certificate is the one whose Secret is served.
	Certificate, Secret  types.NamespacedName
	WebhookConfiguration string
	// Host is the name under which API servers call the webhook.
	Host    string
	Clock   clock.Clock
	Metrics *Metrics

	serving
}

// Start keeps what is served up to date until ctx ends.
func (m *CertManager) Start(ctx context.Context) error {
	return keep(ctx, m.Clock, m.Objects, m.Sync)
}

// NeedLeaderElection says that every replica runs it.
func (m *CertManager) NeedLeaderElection() bool { return false }

// Ready is a readiness check: a certificate is served that API servers have been told to trust.
func (m *CertManager) Ready(*http.Request) error { return m.ready(m.Clock.Now()) }

// Sync serves what the Secret holds if that is good and trusted. What is wrong
// is logged once, and is what Ready says if it is so bad that calls fail.
func (m *CertManager) Sync(ctx context.Context) error {
	now := m.Clock.Now()
	var config admissionregistrationv1.MutatingWebhookConfiguration
	if err := m.Objects.Get(ctx, types.NamespacedName{Name: m.WebhookConfiguration}, &config); err != nil {
		return fmt.Errorf("get MutatingWebhookConfiguration %q: %w", m.WebhookConfiguration, err)
	}
	m.observe(config, now)
	log := ctrl.LoggerFrom(ctx).WithName("certs")
	served, err := m.take(ctx, now)
	if served != nil {
		m.Metrics.serves(served.Leaf)
		log.Info("serving another certificate", "expires", served.Leaf.NotAfter)
	}
	problem := ""
	if err != nil {
		problem = fmt.Sprintf("%s; %s", err, explain(ctx, m.Reader, m.Certificate))
	}
	if m.note(problem) {
		log.Info("certificate is not as it should be", "secret", m.Secret.String(), "reason", problem)
	}
	return nil
}

// take serves the certificate in the Secret if it may, and returns it if it was
// not served before. The error is what is wrong with it, or with the trust in it.
func (m *CertManager) take(ctx context.Context, now time.Time) (*tls.Certificate, error) {
	var secret corev1.Secret
	if err := m.Objects.Get(ctx, m.Secret, &secret); apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no Secret %q", m.Secret)
	} else if err != nil {
		return nil, fmt.Errorf("get Secret %q: %w", m.Secret, err)
	}
	candidate, err := issued(secret.Data, m.Host, now)
	if err != nil {
		return nil, fmt.Errorf("what Secret %q holds is of no use: %w", m.Secret, err)
	}
	served, changed := m.offer(candidate, m.Host, now)
	if changed {
		return candidate, m.wanting(candidate, now)
	}
	if !served {
		if _, trusted := m.accepts(candidate, m.Host, now); trusted {
			return nil, nil // it is served in a few seconds
		}
	}
	return nil, m.wanting(candidate, now)
}

// wanting says what is wrong with a certificate that could be served.
func (m *CertManager) wanting(candidate *tls.Certificate, now time.Time) error {
	if _, trusted := m.accepts(candidate, m.Host, now); !trusted {
		return fmt.Errorf("MutatingWebhookConfiguration %q does not trust the CA of Secret %q in every entry; cert-manager's cainjector should have seen to that",
			m.WebhookConfiguration, m.Secret)
	}
	lifetime := candidate.Leaf.NotAfter.Sub(candidate.Leaf.NotBefore)
	if left := candidate.Leaf.NotAfter.Sub(now); left < lifetime/overdue {
		return fmt.Errorf("the certificate in Secret %q expires at %s and should have been renewed by now",
			m.Secret, candidate.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// overdue is the part of its life that a certificate has left when a renewal
// should long have been: cert-manager renews when a third is left, or at a
// renewBefore that nobody sensible makes shorter than this.
const overdue = 12

// issued reads the certificate that cert-manager has put into its Secret and
// checks that API servers could use it now.
func issued(data map[string][]byte, host string, now time.Time) (*tls.Certificate, error) {
	if len(data[corev1.TLSCertKey]) == 0 || len(data[corev1.TLSPrivateKeyKey]) == 0 {
		return nil, fmt.Errorf("%s or %s is empty", corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	}
	certificate, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, err
	}
	switch leaf := certificate.Leaf; {
	case now.Before(leaf.NotBefore):
		return nil, fmt.Errorf("the certificate is not valid before %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	case !now.Before(leaf.NotAfter):
		return nil, fmt.Errorf("the certificate expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case leaf.VerifyHostname(host) != nil:
		return nil, errors.New(leaf.VerifyHostname(host).Error())
	}
	return &certificate, nil
}
