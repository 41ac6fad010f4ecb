package certs

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// issuedCase is a replica, and the hands of cert-manager and its cainjector.
type issuedCase struct {
	*CertManager
	t     *testing.T
	api   client.Client
	clock *testingclock.FakeClock
}

func newIssuedCase(t *testing.T) *issuedCase {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := cmapi.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	api := fake.NewClientBuilder().WithScheme(scheme).WithObjects(&admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "holdfast"},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{{Name: "a.holdfast.dev"}, {Name: "b.holdfast.dev"}},
	}).Build()
	clock := testingclock.NewFakeClock(epoch)
	return &issuedCase{t: t, api: api, clock: clock, CertManager: &CertManager{
		Objects: &Objects{Reader: api}, Reader: api, Secret: secretName, WebhookConfiguration: "holdfast", Host: hosts[0],
		Certificate: types.NamespacedName{Namespace: secretName.Namespace, Name: "holdfast-webhook"},
		Clock:       clock, Metrics: NewMetrics(prometheus.NewRegistry()),
	}}
}

func (c *issuedCase) ca() *pair {
	c.t.Helper()
	ca, err := newCA(c.clock.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	return ca
}

// issue puts a certificate of the CA into the Secret, and Sync sees it.
func (c *issuedCase) issue(ca *pair, hosts ...string) *pair {
	c.t.Helper()
	leaf, err := ca.issue(hosts, c.clock.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	key, err := encodeKey(leaf.key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.store(map[string][]byte{"tls.crt": encodeCertificate(leaf.certificate), "tls.key": key, "ca.crt": encodeCertificate(ca.certificate)})
	return leaf
}

func (c *issuedCase) store(data map[string][]byte) {
	c.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secretName.Namespace, Name: secretName.Name}, Data: data}
	if err := client.IgnoreNotFound(c.api.Delete(c.t.Context(), secret.DeepCopy())); err != nil {
		c.t.Fatal(err)
	}
	if data != nil {
		if err := c.api.Create(c.t.Context(), secret); err != nil {
			c.t.Fatal(err)
		}
	}
	c.sync()
}

// inject makes the first entries of the configuration trust these CAs.
func (c *issuedCase) inject(entries int, cas ...*pair) {
	c.t.Helper()
	var config admissionregistrationv1.MutatingWebhookConfiguration
	if err := c.api.Get(c.t.Context(), types.NamespacedName{Name: "holdfast"}, &config); err != nil {
		c.t.Fatal(err)
	}
	var bundle []byte
	for _, ca := range cas {
		bundle = append(bundle, encodeCertificate(ca.certificate)...)
	}
	for i := range entries {
		config.Webhooks[i].ClientConfig.CABundle = bundle
	}
	if err := c.api.Update(c.t.Context(), &config); err != nil {
		c.t.Fatal(err)
	}
	c.sync()
}

func (c *issuedCase) sync() {
	c.t.Helper()
	if err := c.Sync(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *issuedCase) wait(d time.Duration) {
	c.t.Helper()
	c.clock.Step(d)
	c.sync()
}

func (c *issuedCase) wantServed(leaf *pair) {
	c.t.Helper()
	current := c.current.Load()
	if current == nil || !current.Leaf.Equal(leaf.certificate) {
		c.t.Fatalf("another certificate is served")
	}
	if got := testutil.ToFloat64(c.Metrics.expiry); got != float64(leaf.certificate.NotAfter.Unix()) {
		c.t.Errorf("the metric says %v, the certificate %v", got, leaf.certificate.NotAfter)
	}
}

func (c *issuedCase) wantNotReady(words ...string) {
	c.t.Helper()
	err := c.Ready(&http.Request{})
	if err == nil {
		c.t.Fatal("it is ready")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			c.t.Errorf("not ready, but not because of %q: %v", word, err)
		}
	}
}

func TestWhatIsIssuedAndTrustedIsServed(t *testing.T) {
	c := newIssuedCase(t)
	c.wantNotReady("not been looked for")
	ca := c.ca()
	leaf := c.issue(ca, hosts...)
	c.wantNotReady("does not trust", "cainjector")
	c.inject(1, ca)
	c.wantNotReady("in every entry")
	c.inject(2, ca)
	c.wantServed(leaf)
	c.wantNotReady("only just been told")
	c.wait(propagationReady)
	if err := c.Ready(nil); err != nil {
		t.Error(err)
	}
	if err := call(t, c, encodeCertificate(ca.certificate), c.clock.Now()); err != nil {
		t.Error(err)
	}
}

func TestARenewedCertificateOfATrustedCAIsServedAtOnce(t *testing.T) {
	c := newIssuedCase(t)
	ca := c.ca()
	c.issue(ca, hosts...)
	c.inject(2, ca)
	c.wait(time.Hour)
	c.wantServed(c.issue(ca, hosts...))
}

// TestACertificateOfANewCAWaitsForTrust: the one before is served as long as
// API servers may not know the new CA.
func TestACertificateOfANewCAWaitsForTrust(t *testing.T) {
	c := newIssuedCase(t)
	before := c.ca()
	old := c.issue(before, hosts...)
	c.inject(2, before)
	c.wait(time.Hour)
	after := c.ca()
	renewed := c.issue(after, hosts...)
	c.wait(time.Hour)
	c.wantServed(old)
	c.inject(1, before, after)
	c.wait(time.Hour)
	c.wantServed(old)
	c.inject(2, before, after)
	c.wait(propagation - time.Second)
	c.wantServed(old)
	c.wait(time.Second)
	c.wantServed(renewed)
}

// TestAReplicaThatStartsLateNeedNotWait: the configuration says since when it is as it is.
func TestAReplicaThatStartsLateNeedNotWait(t *testing.T) {
	now := epoch.Add(time.Hour)
	at := func(age time.Duration) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Time: &metav1.Time{Time: now.Add(-age)}}
	}
	for name, tc := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		want    time.Duration
	}{
		"the last of several writers counts": {[]metav1.ManagedFieldsEntry{at(time.Hour), at(time.Minute), at(2 * time.Minute)}, time.Minute},
		"a clock that is ahead":              {[]metav1.ManagedFieldsEntry{at(-time.Minute)}, 0},
		"nothing is said":                    {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			config := admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{ManagedFields: tc.entries}}
			if got := now.Sub(lastChange(config, now)); got != tc.want {
				t.Errorf("it was last changed %s ago, not %s", got, tc.want)
			}
		})
	}
}

// TestAReplacedCABundleIsFollowedAtOnce: a cainjector that does not merge takes
// the old CA off in the moment it puts the new one on.
func TestAReplacedCABundleIsFollowedAtOnce(t *testing.T) {
	c := newIssuedCase(t)
	before := c.ca()
	c.issue(before, hosts...)
	c.inject(2, before)
	c.wait(time.Hour)
	after := c.ca()
	renewed := c.issue(after, hosts...)
	c.inject(2, after)
	c.wantServed(renewed)
}

func TestTheLastGoodCertificateIsServedWhateverTheSecretHolds(t *testing.T) {
	good := newIssuedCase(t)
	ca := good.ca()
	leaf, err := ca.issue(hosts, epoch)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := encodeKey(leaf.key)
	crt := encodeCertificate(leaf.certificate)
	otherKey, _ := encodeKey(ca.key)
	expired, err := ca.issue(hosts, epoch.Add(-leafLifetime))
	if err != nil {
		t.Fatal(err)
	}
	expiredKey, _ := encodeKey(expired.key)
	early, err := ca.issue(hosts, epoch.Add(2*leafLifetime))
	if err != nil {
		t.Fatal(err)
	}
	earlyKey, _ := encodeKey(early.key)
	foreign, err := ca.issue([]string{"other.ns.svc"}, epoch)
	if err != nil {
		t.Fatal(err)
	}
	foreignKey, _ := encodeKey(foreign.key)
	for name, tc := range map[string]struct {
		data map[string][]byte
		says string
	}{
		"it is gone":                     {nil, "there is no Secret"},
		"it is empty":                    {map[string][]byte{}, "is empty"},
		"it holds garbage":               {map[string][]byte{"tls.crt": []byte("x"), "tls.key": key}, "failed to find any PEM data"},
		"the key is of another":          {map[string][]byte{"tls.crt": crt, "tls.key": otherKey}, "private key does not match"},
		"the certificate has expired":    {map[string][]byte{"tls.crt": encodeCertificate(expired.certificate), "tls.key": expiredKey}, "expired at"},
		"the certificate is one to come": {map[string][]byte{"tls.crt": encodeCertificate(early.certificate), "tls.key": earlyKey}, "not valid before"},
		"it is for another host":         {map[string][]byte{"tls.crt": encodeCertificate(foreign.certificate), "tls.key": foreignKey}, hosts[0]},
	} {
		t.Run(name, func(t *testing.T) {
			c := newIssuedCase(t)
			c.store(tc.data)
			c.wantNotReady(tc.says, `Certificate "holdfast-system/holdfast-webhook" does not exist`)
			before := c.issue(ca, hosts...)
			c.inject(2, ca)
			c.wait(time.Minute)
			c.store(tc.data)
			c.wantServed(before)
			if err := c.Ready(nil); err != nil {
				t.Errorf("not ready with a good certificate: %v", err)
			}
			c.wait(leafLifetime)
			c.wantNotReady("expired at")
		})
	}
}

func TestWhatIsWrongIsExplained(t *testing.T) {
	condition := func(status cmmeta.ConditionStatus, reason, message string) *cmapi.Certificate {
		certificate := &cmapi.Certificate{ObjectMeta: metav1.ObjectMeta{Namespace: "holdfast-system", Name: "holdfast-webhook"}}
		if reason != "" {
			certificate.Status.Conditions = []cmapi.CertificateCondition{{
				Type: cmapi.CertificateConditionReady, Status: status, Reason: reason, Message: message}}
		}
		return certificate
	}
	for want, certificate := range map[string]*cmapi.Certificate{
		"is not ready: DoesNotExist: Issuing certificate as Secret does not exist": condition(
			cmmeta.ConditionFalse, "DoesNotExist", "Issuing certificate as Secret does not exist"),
		"is ready":               condition(cmmeta.ConditionTrue, "Ready", "Certificate is up to date and has not expired"),
		"has no condition Ready": condition("", "", ""),
	} {
		c := newIssuedCase(t)
		if err := c.api.Create(t.Context(), certificate); err != nil {
			t.Fatal(err)
		}
		c.sync()
		c.wantNotReady(fmt.Sprintf("Certificate %q %s", c.Certificate, want))
	}
}

// noKinds is a cluster without the kinds of cert-manager.
type noKinds struct{ client.Reader }

func (noKinds) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return &meta.NoKindMatchError{GroupKind: cmapi.SchemeGroupVersion.WithKind("Certificate").GroupKind()}
}

func TestMissingKindsAreSaid(t *testing.T) {
	c := newIssuedCase(t)
	c.Reader = noKinds{}
	c.sync()
	c.wantNotReady("cert-manager is not installed", "--certificates=self-managed")
}

func TestALateRenewalIsSaid(t *testing.T) {
	c := newIssuedCase(t)
	ca := c.ca()
	leaf := c.issue(ca, hosts...)
	c.inject(2, ca)
	c.wait(leafLifetime * 9 / 10)
	if problem := *c.problem.Load(); problem != "" {
		t.Errorf("too early: %s", problem)
	}
	c.wait(leafLifetime * 5 / 100)
	if problem := *c.problem.Load(); !strings.Contains(problem, "should have been renewed") {
		t.Errorf("it is said: %q", problem)
	}
	c.wantServed(leaf)
}

func TestPublishedIsWhatEveryEntryTrusts(t *testing.T) {
	c := newIssuedCase(t)
	one, two, three := c.ca(), c.ca(), c.ca()
	config := func(bundles ...[]*pair) (out admissionregistrationv1.MutatingWebhookConfiguration) {
		for _, bundle := range bundles {
			var data []byte
			for _, ca := range bundle {
				data = append(data, encodeCertificate(ca.certificate)...)
			}
			out.Webhooks = append(out.Webhooks, admissionregistrationv1.MutatingWebhook{
				ClientConfig: admissionregistrationv1.WebhookClientConfig{CABundle: data}})
		}
		return out
	}
	got := publishedBy(config([]*pair{one, two}, []*pair{two, three, one}, []*pair{three, two}))
	if !slices.EqualFunc(got, []*pair{two}, func(c *x509.Certificate, p *pair) bool { return c.Equal(p.certificate) }) {
		t.Errorf("%d CAs are shared", len(got))
	}
	if got := publishedBy(config([]*pair{one}, nil)); len(got) != 0 {
		t.Error("an entry without a CA trusts one")
	}
}
