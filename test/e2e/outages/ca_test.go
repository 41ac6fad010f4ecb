package outages

import (
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestACAIsPutBackAtOnce: kubectl replace takes the CA off a self-managed webhook configuration,
// Holdfast hears of it.
func TestACAIsPutBackAtOnce(t *testing.T) {
	system := &shop.Shop{T: t, Namespace: shop.HoldfastNamespace}
	ca := string(shop.Get(system, "holdfast-webhook-tls", &corev1.Secret{}).Data["ca.crt"])
	before := shop.Get(&shop.Shop{T: t}, "holdfast", &admissionregistrationv1.MutatingWebhookConfiguration{})
	without := before.DeepCopy()
	without.ObjectMeta = metav1.ObjectMeta{Name: before.Name, ResourceVersion: before.ResourceVersion, Labels: before.Labels, Annotations: before.Annotations}
	for i := range without.Webhooks {
		without.Webhooks[i].ClientConfig.CABundle = nil
	}
	if err := shop.World.Client.Update(t.Context(), without); err != nil {
		t.Fatal(err)
	}
	shop.Await(&shop.Shop{T: t}, "every entry trusts the CA again", "holdfast", &admissionregistrationv1.MutatingWebhookConfiguration{},
		func(c *admissionregistrationv1.MutatingWebhookConfiguration) bool {
			for i := range c.Webhooks {
				if !strings.Contains(string(c.Webhooks[i].ClientConfig.CABundle), ca) {
					return false
				}
			}
			return true
		})
	pods := system.Must("get", "pods", "-l", "app.kubernetes.io/name=holdfast", "-o", "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}")
	if strings.Contains(pods, string(corev1.ConditionFalse)) {
		t.Errorf("a replica is not Ready: %s", pods)
	}
}
