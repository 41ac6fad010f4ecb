package gates

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster/pki"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// strict is where a server answers by https who shows it a credential, by the flag --hook-credentials of the
// test overlay.
const strict = "10.0.0.1:9101"

// strictManifest is that server (test/cluster/images/receiver), with a certificate.
const strictManifest = `
apiVersion: v1
kind: Secret
metadata: {name: strict}
data: {tls.crt: %s, tls.key: %s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: strict, annotations: {holdfast.dev/canary: disabled}}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: strict}}
  template:
    metadata: {labels: {app: strict}}
    spec:
      hostNetwork: true
      volumes: [{name: tls, secret: {secretName: strict}}]
      containers:
      - name: strict
        image: holdfast.test/receiver:v1
        args: ["--listen=:9101", "--authorization=Bearer abc", "--tls=/tls"]
        volumeMounts: [{name: tls, mountPath: /tls}]
        readinessProbe: {httpGet: {path: /healthz, port: 9101, scheme: HTTPS}, periodSeconds: 1}
`

// serveStrictly has that server in a shop, and returns the file with the CA of its certificate.
func serveStrictly(s *shop.Shop) (ca string) {
	s.T.Helper()
	dir := s.T.TempDir()
	authority, err := pki.NewAuthority(dir)
	if err == nil {
		err = authority.Issue(pki.Identity{File: "strict", Hosts: []string{"10.0.0.1"}})
	}
	if err != nil {
		s.T.Fatal(err)
	}
	encoded := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			s.T.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(text)
	}
	s.Must("apply", "-f", "-", fmt.Sprintf(strictManifest, encoded("strict.crt"), encoded("strict.key")))
	shop.Await(s, "the strict server serves", "strict", &appsv1.Deployment{}, shop.RolledOut)
	return filepath.Join(dir, "ca.crt")
}

// docs is what the how-to has of this form.
func docs(t *testing.T, form string) []string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/how-to/gates.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(form).FindStringSubmatch(string(text))
	if found == nil {
		t.Fatalf("docs/how-to/gates.md has no %s", form)
	}
	return found
}

// TestAHookIsToldWhoAsks: without the Secret of the docs there is no answer, with another value a no, and
// with that of the docs a yes. Holdfast is not restarted meanwhile.
func TestAHookIsToldWhoAsks(t *testing.T) {
	t.Parallel()
	secret := strings.Split(docs(t, `kubectl (create secret generic holdfast-hooks .*) --from-literal=gate="(.*)"`)[1], " ")
	credential := docs(t, `--from-literal=gate="(.*)"`)[1]
	s := shop.Open(t, shop.Settings{Plan: plan("name: ship, type: ConfirmPromotion, url: 'https://" + strict + "/'"), NoLoad: true})
	ca := serveStrictly(s)
	before := shop.Restarts(t)
	run := s.HoldV2()
	said := func(what string, answer v1alpha1.HookAnswer, message string) {
		t.Helper()
		await(s, run.Name, what, func(r *v1alpha1.CanaryRun) bool {
			hook := r.Status.Hook("ship")
			return hook.Answer == answer && strings.Contains(hook.Message, message)
		})
		s.WantImage("v1")
	}
	remove := func() {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: shop.HoldfastNamespace, Name: "holdfast-hooks"}}
		if err := shop.World.Client.Delete(context.WithoutCancel(t.Context()), secret); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
	remove() // what a test that was killed has left
	t.Cleanup(remove)
	said("there is no CA", v1alpha1.HookNone, "--hook-ca-file cannot be used")
	s.Must(append(secret, "--from-file=ca.crt="+ca)...)
	said("there is no credential", v1alpha1.HookNone, "cannot be read (--hook-credentials)")
	remove()
	s.Must(append(secret, "--from-file=ca.crt="+ca, "--from-literal=gate=Bearer of somebody else")...)
	said("the credential is of somebody else", v1alpha1.HookNo, "401 Unauthorized")
	remove()
	s.Must(append(secret, "--from-file=ca.crt="+ca, "--from-literal=gate="+credential)...)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	shop.WantNoRestart(t, before)
}
