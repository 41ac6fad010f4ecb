package cluster

import (
	"os"
	"testing"
)

func testCertManager(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "certificates")
	m, err := c.CertManager(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	const certificate = `
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: self}
spec: {selfSigned: {}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: one}
spec:
  secretName: one
  dnsNames: [one.test]
  issuerRef: {name: self}
`
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	kubectl(t, c, certificate, "apply", "-n", ns, "-f", "-")
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	kubectl(t, c, "", "wait", "-n", ns, "--for=condition=Ready", "certificate/one", "--timeout="+patience.String())
	kubectl(t, c, "", "get", "secret", "one", "-n", ns)
	if err := m.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "", "api-resources", "--api-group=cert-manager.io", "-o", "name")
	expect(t, c, "", "get", "namespace,clusterrolebinding", "--field-selector=metadata.name=cert-manager", "-o", "name")
}
