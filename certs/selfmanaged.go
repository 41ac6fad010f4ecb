package certs

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// SelfManaged keeps certificate and trust up to date. It runs in every replica:
// the first one to start makes a CA and a serving certificate, each serves what
// stands in the Secret, renews it when it is due, and sees to it that the webhook
// configuration trusts it. Whoever writes first wins, by the resourceVersion; the
// others take what they find.
type SelfManaged struct {
	Objects *Objects
	Writer  client.Writer
	// Secret holds the certificates; the webhook configurations named
	// WebhookConfiguration, mutating and validating, are told the CAs.
	Secret               types.NamespacedName
	WebhookConfiguration string
	// Hosts are the names under which API servers call the webhook, the one they
	// really use first.
	Hosts   []string
	Clock   clock.Clock
	Metrics *Metrics

	serving
}

// Start keeps things up to date until ctx ends.
func (m *SelfManaged) Start(ctx context.Context) error {
	return keep(ctx, m.Clock, m.Objects, m.Sync)
}

// NeedLeaderElection says that every replica runs it.
func (m *SelfManaged) NeedLeaderElection() bool { return false }

// Ready is a readiness check: a certificate is served that API servers have been told to trust.
func (m *SelfManaged) Ready(*http.Request) error { return m.ready(m.Clock.Now()) }

// Sync brings Secret, webhook configuration and what is served up to date.
func (m *SelfManaged) Sync(ctx context.Context) error {
	err := m.sync(ctx)
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	m.note(problem)
	return err
}

func (m *SelfManaged) sync(ctx context.Context) error {
	var config admissionregistrationv1.MutatingWebhookConfiguration
	if err := m.Objects.Get(ctx, types.NamespacedName{Name: m.WebhookConfiguration}, &config); err != nil {
		return fmt.Errorf("get MutatingWebhookConfiguration %q: %w", m.WebhookConfiguration, err)
	}
	m.observe(config, m.Clock.Now())
	bundle, err := m.rotate(ctx)
	if err != nil {
		return err
	}
	if err := m.publish(ctx, &config, bundle); err != nil {
		return err
	}
	certificate, err := bundle.Certificate()
	if err != nil {
		return err
	}
	if _, changed := m.offer(certificate, m.Hosts[0], m.Clock.Now()); changed {
		m.Metrics.serves(certificate.Leaf)
		ctrl.LoggerFrom(ctx).WithName("certs").Info("serving another certificate", "expires", certificate.Leaf.NotAfter)
	}
	return nil
}

// rotate returns what stands in the Secret, brought up to date.
func (m *SelfManaged) rotate(ctx context.Context) (Bundle, error) {
	var secret corev1.Secret
	err := m.Objects.Get(ctx, m.Secret, &secret)
	found := !apierrors.IsNotFound(err)
	if found && err != nil {
		return Bundle{}, fmt.Errorf("get Secret %q: %w", m.Secret, err)
	}
	bundle, err := Decode(secret.Data)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "certificates made anew: those in the Secret cannot be read", "secret", m.Secret)
		bundle = Bundle{}
	}
	if bundle, err = Rotate(bundle, m.Hosts, m.trust, m.Clock.Now()); err != nil {
		return Bundle{}, err
	}
	data, err := bundle.Encode()
	if err != nil {
		return Bundle{}, err
	}
	if found && maps.EqualFunc(secret.Data, data, bytes.Equal) {
		return bundle, nil
	}
	return bundle, m.write(ctx, &secret, data, found)
}

// write stores new data. Losing to another replica is an error here; the next
// Sync takes what that one wrote.
func (m *SelfManaged) write(ctx context.Context, secret *corev1.Secret, data map[string][]byte, found bool) error {
	secret.Data = data
	if found {
		if err := m.Writer.Update(ctx, secret); err != nil {
			return fmt.Errorf("update Secret %q: %w", m.Secret, err)
		}
		return nil
	}
	secret.ObjectMeta = metav1.ObjectMeta{
		Namespace: m.Secret.Namespace, Name: m.Secret.Name,
		Labels:      map[string]string{"app.kubernetes.io/managed-by": "holdfast"},
		Annotations: map[string]string{"holdfast.dev/note": secretNotes},
	}
	if err := m.Writer.Create(ctx, secret); err != nil {
		return fmt.Errorf("create Secret %q: %w", m.Secret, err)
	}
	return nil
}

// publish tells every entry of the configurations what to trust. There may be
// none that validates: plans may be left unchecked, updates may not.
func (m *SelfManaged) publish(ctx context.Context, mutating *admissionregistrationv1.MutatingWebhookConfiguration, bundle Bundle) error {
	var entries []*admissionregistrationv1.WebhookClientConfig
	for i := range mutating.Webhooks {
		entries = append(entries, &mutating.Webhooks[i].ClientConfig)
	}
	if err := m.tell(ctx, mutating, entries, bundle); err != nil {
		return fmt.Errorf("tell MutatingWebhookConfiguration %q the CA: %w", m.WebhookConfiguration, err)
	}
	var validating admissionregistrationv1.ValidatingWebhookConfiguration
	if err := m.Objects.Get(ctx, types.NamespacedName{Name: m.WebhookConfiguration}, &validating); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("get ValidatingWebhookConfiguration %q: %w", m.WebhookConfiguration, err)
	}
	entries = nil
	for i := range validating.Webhooks {
		entries = append(entries, &validating.Webhooks[i].ClientConfig)
	}
	if err := m.tell(ctx, &validating, entries, bundle); err != nil {
		return fmt.Errorf("tell ValidatingWebhookConfiguration %q the CA: %w", m.WebhookConfiguration, err)
	}
	return nil
}

// tell writes a configuration if one of its entries lacks a CA.
func (m *SelfManaged) tell(ctx context.Context, config client.Object, entries []*admissionregistrationv1.WebhookClientConfig, bundle Bundle) error {
	news := false
	for _, entry := range entries {
		if trusted, changed := merged(entry.CABundle, bundle.authorities(), m.Clock.Now()); changed {
			entry.CABundle, news = trusted, true
		}
	}
	if !news {
		return nil
	}
	return m.Writer.Update(ctx, config)
}
