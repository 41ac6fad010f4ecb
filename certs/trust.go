package certs

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// configurations are what tells API servers whom to call and by which CA: the
// mutating webhooks, and the validating ones of the same name, nil if there are none.
type configurations struct {
	mutating   admissionregistrationv1.MutatingWebhookConfiguration
	validating *admissionregistrationv1.ValidatingWebhookConfiguration
}

func (m *Manager) configurations(ctx context.Context) (configurations, error) {
	var c configurations
	name := types.NamespacedName{Name: m.WebhookConfiguration}
	if err := m.Reader.Get(ctx, name, &c.mutating); err != nil {
		return c, fmt.Errorf("get MutatingWebhookConfiguration %q: %w", name.Name, err)
	}
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	err := m.Reader.Get(ctx, name, validating)
	switch {
	case err == nil:
		c.validating = validating
	case !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err): // plans may be left unchecked, updates may not
		return c, fmt.Errorf("get ValidatingWebhookConfiguration %q: %w", name.Name, err)
	}
	return c, nil
}

// bundles are those of all entries, in their order.
func (c *configurations) bundles() []*[]byte {
	var out []*[]byte
	for i := range c.mutating.Webhooks {
		out = append(out, &c.mutating.Webhooks[i].ClientConfig.CABundle)
	}
	if c.validating != nil {
		for i := range c.validating.Webhooks {
			out = append(out, &c.validating.Webhooks[i].ClientConfig.CABundle)
		}
	}
	return out
}

// published is the trust that all entries share, empty if they differ: what one
// of them lacks is not published.
func (c *configurations) published() []byte {
	var shared []byte
	for i, bundle := range c.bundles() {
		if i > 0 && string(*bundle) != string(shared) {
			return nil
		}
		shared = *bundle
	}
	return shared
}

// publish tells every entry the CAs to trust.
func (m *Manager) publish(ctx context.Context, c configurations, trusted []byte) error {
	if string(c.published()) == string(trusted) {
		return nil
	}
	for _, bundle := range c.bundles() {
		*bundle = trusted
	}
	objects := map[string]client.Object{"MutatingWebhookConfiguration": &c.mutating}
	if c.validating != nil {
		objects["ValidatingWebhookConfiguration"] = c.validating
	}
	for kind, object := range objects {
		if err := m.Client.Update(ctx, object); err != nil {
			return fmt.Errorf("tell %s %q the CA: %w", kind, object.GetName(), err)
		}
	}
	return nil
}
