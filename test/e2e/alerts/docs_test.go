package alerts

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestTheCommandsOfTheDocs make what Holdfast and Alertmanager read: a token, and the CA by which the
// listener is known.
func TestTheCommandsOfTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/how-to/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^ +\$ (kubectl .*)$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) != 2 {
		t.Fatalf("the docs have %d commands to switch alerts on: %q", len(lines), lines)
	}
	dir := t.TempDir()
	for _, line := range lines {
		shell := exec.CommandContext(t.Context(), "sh", "-e", "-c", line[1])
		shell.Dir = dir
		shell.Env = append(os.Environ(), "KUBECONFIG="+shop.World.Cluster.Kubeconfig(), "PATH="+filepath.Dir(shop.World.Cluster.Bin("kubectl"))+":"+os.Getenv("PATH"))
		if said, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line[1], err, said)
		}
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: shop.HoldfastNamespace, Name: "holdfast-alerts"}}
	t.Cleanup(func() {
		if err := shop.World.Client.Delete(context.Background(), secret.DeepCopy()); err != nil {
			t.Error(err)
		}
	})
	if err := shop.World.Client.Get(t.Context(), client.ObjectKeyFromObject(secret), secret); err != nil {
		t.Fatal(err)
	}
	if token := string(secret.Data["token"]); len(strings.TrimSpace(token)) != 64 {
		t.Errorf("the token is %q", token)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(ca)
	if block == nil {
		t.Fatalf("ca.crt is %q", ca)
	}
	if certificate, err := x509.ParseCertificate(block.Bytes); err != nil || !certificate.IsCA {
		t.Errorf("ca.crt is no CA: %v", err)
	}
}
