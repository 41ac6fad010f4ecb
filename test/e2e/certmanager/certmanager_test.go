// Package certmanager has the life of a certificate with the real cert-manager, on a cluster of its own.
package certmanager

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestCertManager goes through the life of a certificate with the real cert-manager and cainjector,
// on a cluster of its own: there is one webhook configuration to a cluster. From the first step to
// the last, clients update guarded Deployments and a stand-in for a new API server shakes hands
// with every replica; nothing may fail, and no update may pass ungated.
func TestCertManager(t *testing.T) {
	t.Parallel()
	s := newCertStage(t)
	load := s.startLoad()

	// Self-managed until here. The overlay is applied before cert-manager is there: the old
	// replicas go on serving, the new one says what is missing.
	s.kubectlFails("no matches for kind", "apply", "-k", certManagerOverlay)
	s.awaitLog("cert-manager is not installed")
	s.awaitLog("--certificates=self-managed")

	cm := s.installCertManager()
	s.must("apply", "-k", certManagerOverlay)
	s.must("rollout", "status", "deployment/holdfast", "-n", shop.HoldfastNamespace, "--timeout="+shop.Patience.String())
	load.shakeHands(s.pods())
	s.mayNotWrite()
	s.wantHolds()

	// Renewed: the CA is known, so it is served as it comes.
	first := s.awaitServed(load)
	s.renew("holdfast-webhook")
	second := s.awaitServed(load, first)

	// The Secret is deleted while cert-manager is down.
	if err := cm.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.must("delete", "secret", "holdfast-webhook-issued", "-n", shop.HoldfastNamespace)
	s.awaitLog("there is no Secret")
	if err := cm.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	third := s.awaitServed(load, first, second)

	// Another CA. The certificate is renewed at once after it, so that both changes are under way together.
	s.renew("holdfast-webhook-ca")
	s.renew("holdfast-webhook")
	fourth := s.awaitServed(load, first, second, third)
	if n := len(s.trusted()); n < 3 {
		t.Errorf("%d CAs are trusted; the self-managed one and both of cert-manager should be", n)
	}

	// A certificate near its expiry at any time: cert-manager renews it every few seconds by its own clock.
	s.must("patch", "certificate", "holdfast-webhook", "-n", shop.HoldfastNamespace, "--type=merge", "-p",
		`{"spec": {"duration": "1h", "renewBefore": "59m50s"}}`)
	s.renew("holdfast-webhook")
	seen := []string{first, second, third, fourth}
	for range 3 {
		seen = append(seen, s.awaitServed(load, seen...))
	}
	s.wantExpiryMetric()
	load.stop()
}

// wantHolds holds an update for real in either namespace; the load goes on asking for others.
func (s *certStage) wantHolds() {
	s.t.Helper()
	for _, guard := range guards {
		s.must("set", "image", "deployment/web", "app=holdfast.test/app:v2", "-n", guard)
		if got := s.must("get", "deployment/web", "-n", guard, "-o", "jsonpath={.spec.template.spec.containers[0].image} {.metadata.annotations.holdfast\\.dev/held}"); !strings.HasPrefix(got, "holdfast.test/app:v1 {") {
			s.t.Errorf("in %s the update is not held: %.80s", guard, got)
		}
	}
}

// mayNotWrite checks what Holdfast may do with what cert-manager writes.
func (s *certStage) mayNotWrite() {
	s.t.Helper()
	for _, verb := range []string{"update", "patch", "delete"} {
		for _, what := range []string{"mutatingwebhookconfigurations/holdfast", "secrets/holdfast-webhook-issued", "secrets/holdfast-webhook-ca"} {
			if said, may := s.canI(verb, what); may {
				s.t.Errorf("Holdfast may %s %s: %s", verb, what, said)
			}
		}
	}
	for _, what := range []string{"secrets/holdfast-webhook-ca", "secrets/holdfast-webhook-tls"} {
		if _, may := s.canI("get", what); may {
			s.t.Errorf("Holdfast may read %s", what)
		}
	}
	if _, may := s.canI("watch", "secrets/holdfast-webhook-issued"); !may {
		s.t.Error("Holdfast may not watch its certificate, or the question is wrong")
	}
}

func (s *certStage) canI(verb, what string) (said string, may bool) {
	s.t.Helper()
	result, err := s.cluster.Kubectl(s.t.Context(), "", "auth", "can-i", verb, what, "-n", shop.HoldfastNamespace,
		"--as=system:serviceaccount:"+shop.HoldfastNamespace+":holdfast")
	if err != nil {
		s.t.Fatal(err)
	}
	return result.Stdout + result.Stderr, result.Code == 0
}
