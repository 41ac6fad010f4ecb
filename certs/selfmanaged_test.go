package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

var secretName = types.NamespacedName{Namespace: "holdfast-system", Name: "holdfast-webhook-tls"}

// replicas are managers that share one cluster.
func replicas(n int) ([]*SelfManaged, client.Client, *testingclock.FakeClock) {
	api := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(&admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "holdfast"},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{{Name: "a.holdfast.dev"}, {Name: "b.holdfast.dev"}},
	}, &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "holdfast"},
		Webhooks:   []admissionregistrationv1.ValidatingWebhook{{Name: "c.holdfast.dev"}},
	}).Build()
	clock := testingclock.NewFakeClock(epoch)
	var out []*SelfManaged
	for range n {
		out = append(out, &SelfManaged{
			Objects: &Objects{Reader: api}, Writer: api, Secret: secretName, WebhookConfiguration: "holdfast",
			Hosts: hosts, Clock: clock, Metrics: NewMetrics(prometheus.NewRegistry()),
		})
	}
	return out, api, clock
}

func published(t *testing.T, api client.Client) []byte {
	t.Helper()
	var config admissionregistrationv1.MutatingWebhookConfiguration
	if err := api.Get(t.Context(), types.NamespacedName{Name: "holdfast"}, &config); err != nil {
		t.Fatal(err)
	}
	return config.Webhooks[0].ClientConfig.CABundle
}

// getter is either way to a certificate.
type getter interface {
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// call does what an API server does: a TLS handshake that trusts these CAs.
func call(t *testing.T, m getter, trusted []byte, now time.Time) error {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(trusted)
	serverSide, clientSide := net.Pipe()
	defer serverSide.Close()
	defer clientSide.Close()
	server := tls.Server(serverSide, &tls.Config{GetCertificate: m.GetCertificate, MinVersion: tls.VersionTLS12})
	go func() { _ = server.HandshakeContext(t.Context()) }()
	return tls.Client(clientSide, &tls.Config{
		RootCAs: pool, ServerName: hosts[0], MinVersion: tls.VersionTLS12, Time: func() time.Time { return now },
	}).HandshakeContext(t.Context())
}

// TestNoCallFailsInTwoYears: two replicas that look at the Secret in turns, and
// an API server that trusts what was published at the step before or now, shake
// hands at every step through all rotations.
func TestNoCallFailsInTwoYears(t *testing.T) {
	if testing.Short() {
		t.Skip("long under the race detector, and nothing in it runs side by side: make test-unit runs it without")
	}
	managers, api, clock := replicas(2)
	var trustedBefore []byte
	leaves := map[string]bool{}
	for step := 0; clock.Now().Before(epoch.AddDate(2, 0, 0)); step++ {
		first := managers[step%2]
		if err := first.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, m := range managers {
			if m.current.Load() == nil {
				continue // not started yet
			}
			leaves[m.current.Load().Leaf.SerialNumber.String()] = true
			for _, trusted := range [][]byte{trustedBefore, published(t, api)} {
				if trusted == nil {
					continue
				}
				if err := call(t, m, trusted, clock.Now()); err != nil {
					t.Fatalf("%s: replica %d: %v", clock.Now(), i, err)
				}
			}
		}
		trustedBefore = published(t, api)
		clock.Step(24 * time.Hour)
	}
	if len(leaves) < 10 {
		t.Errorf("only %d leaves were served in two years", len(leaves))
	}
}

func TestReplicasShareWhatTheFirstOneMade(t *testing.T) {
	managers, api, clock := replicas(3)
	for _, m := range managers {
		if err := m.Ready(nil); err == nil {
			t.Error("ready before it has a certificate")
		}
		for range 3 { // the first publishes, the second sees it, at the third API servers have seen it
			if err := m.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			clock.Step(propagationReady)
		}
		if err := m.Ready(nil); err != nil {
			t.Error(err)
		}
	}
	for _, m := range managers {
		if !m.current.Load().Leaf.Equal(managers[0].current.Load().Leaf) {
			t.Error("replicas serve different certificates")
		}
		if err := call(t, m, published(t, api), clock.Now()); err != nil {
			t.Error(err)
		}
	}
}

// TestADeletedSecretBreaksNoCall: the replica that has not looked yet still
// serves under the old CA, and the one that has made the new one waits until
// API servers know it.
func TestADeletedSecretBreaksNoCall(t *testing.T) {
	managers, api, clock := replicas(2)
	for _, m := range managers {
		if err := m.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := published(t, api)
	if err := api.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secretName.Namespace, Name: secretName.Name}}); err != nil {
		t.Fatal(err)
	}
	if err := managers[0].Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := published(t, api)
	for i, m := range managers {
		for _, trusted := range [][]byte{before, after} {
			if err := call(t, m, trusted, clock.Now()); err != nil {
				t.Errorf("replica %d: %v", i, err)
			}
		}
	}
	old := managers[0].current.Load()
	for range 2 { // the first sees the CA published, at the second all API servers have seen it
		for _, m := range managers {
			if err := m.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		clock.Step(propagation)
	}
	for i, m := range managers {
		if m.current.Load().Leaf.Equal(old.Leaf) {
			t.Errorf("replica %d still serves the certificate of the deleted Secret", i)
		}
		if err := call(t, m, after, clock.Now()); err != nil {
			t.Errorf("replica %d: %v", i, err)
		}
	}
}

func TestWhatIsBrokenIsMended(t *testing.T) {
	for name, spoil := range map[string]func(client.Client) error{
		"the Secret is deleted": func(api client.Client) error {
			return api.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secretName.Namespace, Name: secretName.Name}})
		},
		"the Secret holds garbage": func(api client.Client) error {
			return api.Update(t.Context(), &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: secretName.Namespace, Name: secretName.Name}, Data: map[string][]byte{keyCA: []byte("x")}})
		},
		"the configuration of plans is deleted": func(api client.Client) error {
			return api.Delete(t.Context(), &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "holdfast"}})
		},
		"the configuration of plans was applied anew": func(api client.Client) error {
			var config admissionregistrationv1.ValidatingWebhookConfiguration
			if err := api.Get(t.Context(), types.NamespacedName{Name: "holdfast"}, &config); err != nil {
				return err
			}
			config.Webhooks[0].ClientConfig.CABundle = nil
			return api.Update(t.Context(), &config)
		},
		"the configuration was applied anew": func(api client.Client) error {
			var config admissionregistrationv1.MutatingWebhookConfiguration
			if err := api.Get(t.Context(), types.NamespacedName{Name: "holdfast"}, &config); err != nil {
				return err
			}
			config.Webhooks = []admissionregistrationv1.MutatingWebhook{{Name: "a.holdfast.dev"}}
			return api.Update(t.Context(), &config)
		},
	} {
		t.Run(name, func(t *testing.T) {
			managers, api, _ := replicas(1)
			if err := managers[0].Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := spoil(api); err != nil {
				t.Fatal(err)
			}
			if err := managers[0].Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := call(t, managers[0], published(t, api), epoch); err != nil {
				t.Error(err)
			}
			var plans admissionregistrationv1.ValidatingWebhookConfiguration
			if err := api.Get(t.Context(), types.NamespacedName{Name: "holdfast"}, &plans); apierrors.IsNotFound(err) {
				return
			}
			if err := call(t, managers[0], plans.Webhooks[0].ClientConfig.CABundle, epoch); err != nil {
				t.Errorf("as the webhook that checks plans: %v", err)
			}
		})
	}
}

// TestWhatOthersMadeTrustedStays: replicas that go over to self-managed leave the
// CA of those that have not, and a cainjector that still adds it starts no quarrel.
func TestWhatOthersMadeTrustedStays(t *testing.T) {
	managers, api, clock := replicas(1)
	theirs, err := newCA(epoch)
	if err != nil {
		t.Fatal(err)
	}
	var config admissionregistrationv1.MutatingWebhookConfiguration
	get := func() {
		t.Helper()
		if err := api.Get(t.Context(), types.NamespacedName{Name: "holdfast"}, &config); err != nil {
			t.Fatal(err)
		}
	}
	get()
	for i := range config.Webhooks {
		config.Webhooks[i].ClientConfig.CABundle = encodeCertificate(theirs.certificate)
	}
	if err := api.Update(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	sync := func() {
		t.Helper()
		if err := managers[0].Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		get()
	}
	sync()
	if cas := parsed(t, published(t, api)); len(cas) != 2 || !contains(cas, theirs.certificate) {
		t.Fatalf("%d CAs are trusted", len(cas))
	}
	version := config.ResourceVersion
	sync()
	if config.ResourceVersion != version {
		t.Error("it was written again without need")
	}
	clock.Step(caLifetime)
	sync()
	if contains(parsed(t, published(t, api)), theirs.certificate) {
		t.Error("an expired CA is still trusted")
	}
}
