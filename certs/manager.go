// Package certs gives the webhook its serving certificate, and the API servers
// the CA to trust it by.
//
// Certificates are self-managed: the first replica to start makes a CA and a
// serving certificate and keeps them in a Secret that all replicas share; each
// replica serves what stands there, renews it when it is due, and sees to it
// that the webhook configuration trusts it. Whoever writes first wins, by the
// Secret's resourceVersion; the others take what they find.
package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Manager keeps certificate and trust up to date. It runs in every replica.
type Manager struct {
	// Reader reads live, Client writes.
	Reader client.Reader
	Client client.Client
	// Secret holds the certificates; the webhook configurations named
	// WebhookConfiguration, mutating and validating, are told the CAs.
	Secret               types.NamespacedName
	WebhookConfiguration string
	// Hosts are the names under which API servers call the webhook.
	Hosts []string
	Clock clock.Clock

	serving   atomic.Pointer[tls.Certificate]
	published atomic.Bool
}

// Times between two looks at the Secret: when all is well, and after an error,
// such as losing the first write to another replica.
const (
	interval      = 30 * time.Second
	retryInterval = time.Second
)

// +kubebuilder:rbac:groups=core,namespace=holdfast-system,resources=secrets,verbs=create
// +kubebuilder:rbac:groups=core,namespace=holdfast-system,resources=secrets,resourceNames=holdfast-webhook-tls;holdfast-seal,verbs=get;update
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=mutatingwebhookconfigurations;validatingwebhookconfigurations,resourceNames=holdfast,verbs=get;update

// Start keeps things up to date until ctx ends. An error is logged and tried
// again: what is served goes on being served.
func (m *Manager) Start(ctx context.Context) error {
	log := ctrl.LoggerFrom(ctx).WithName("certs")
	for {
		wait := interval
		if err := m.Sync(ctx); err != nil && ctx.Err() == nil {
			log.Error(err, "certificates not up to date")
			wait = retryInterval
		}
		select {
		case <-ctx.Done():
			return nil
		case <-m.Clock.After(wait):
		}
	}
}

// NeedLeaderElection says that every replica runs it.
func (m *Manager) NeedLeaderElection() bool { return false }

// GetCertificate is for tls.Config.
func (m *Manager) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate := m.serving.Load()
	if certificate == nil {
		return nil, errors.New("no serving certificate yet")
	}
	return certificate, nil
}

// Ready is a readiness check: a certificate is served, and API servers have been told to trust it.
func (m *Manager) Ready(*http.Request) error {
	if m.serving.Load() == nil || !m.published.Load() {
		return errors.New("the serving certificate has not been issued and published yet")
	}
	return nil
}

// Sync brings Secret, webhook configuration and what is served up to date.
func (m *Manager) Sync(ctx context.Context) error {
	config, err := m.configurations(ctx)
	if err != nil {
		return err
	}
	bundle, err := m.rotate(ctx, config.published())
	if err != nil {
		return err
	}
	if err := m.publish(ctx, config, bundle.Trusted()); err != nil {
		return err
	}
	certificate, err := bundle.Certificate()
	if err != nil {
		return err
	}
	m.published.Store(true)
	if !m.tooNew(certificate) {
		m.serving.Store(certificate)
	}
	return nil
}

// propagation is how long API servers may take to see a published CA.
const propagation = 10 * time.Second

// tooNew says that a certificate is better not served yet: API servers may not
// know its CA, and the one served now is good. The time of its issue stands in
// it, so replicas that see it late wait no less.
func (m *Manager) tooNew(certificate *tls.Certificate) bool {
	now, served := m.Clock.Now(), m.serving.Load()
	issued := certificate.Leaf.NotBefore.Add(clockSkew)
	return served != nil && now.Before(served.Leaf.NotAfter) && now.Before(issued.Add(propagation))
}

// rotate returns what stands in the Secret, brought up to date.
func (m *Manager) rotate(ctx context.Context, published []byte) (Bundle, error) {
	var secret corev1.Secret
	err := m.Reader.Get(ctx, m.Secret, &secret)
	found := !apierrors.IsNotFound(err)
	if found && err != nil {
		return Bundle{}, fmt.Errorf("get Secret %q: %w", m.Secret, err)
	}
	bundle, err := Decode(secret.Data)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "certificates made anew: those in the Secret cannot be read", "secret", m.Secret)
		bundle = Bundle{}
	}
	if bundle, err = Rotate(bundle, m.Hosts, published, m.Clock.Now()); err != nil {
		return Bundle{}, err
	}
	data, err := bundle.Encode()
	if err != nil {
		return Bundle{}, err
	}
	if found && maps.EqualFunc(secret.Data, data, func(a, b []byte) bool { return string(a) == string(b) }) {
		return bundle, nil
	}
	return bundle, m.write(ctx, &secret, data, found)
}

// write stores new data. Losing to another replica is an error here; the next
// Sync takes what that one wrote.
func (m *Manager) write(ctx context.Context, secret *corev1.Secret, data map[string][]byte, found bool) error {
	secret.Data = data
	if found {
		if err := m.Client.Update(ctx, secret); err != nil {
			return fmt.Errorf("update Secret %q: %w", m.Secret, err)
		}
		return nil
	}
	secret.ObjectMeta = metav1.ObjectMeta{
		Namespace: m.Secret.Namespace, Name: m.Secret.Name,
		Labels:      map[string]string{"app.kubernetes.io/managed-by": "holdfast"},
		Annotations: map[string]string{"holdfast.dev/note": secretNotes},
	}
	if err := m.Client.Create(ctx, secret); err != nil {
		return fmt.Errorf("create Secret %q: %w", m.Secret, err)
	}
	return nil
}
