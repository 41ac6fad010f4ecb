package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kustomization writes a kustomize directory with one file of YAML.
func kustomization(t *testing.T, namespace, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"kustomization.yaml": "namespace: " + namespace + "\nresources: [all.yaml]\n",
		"all.yaml":           yaml,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func testInstall(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "install")
	if err := c.Install(t.Context(), kustomization(t, ns, webYAML("good", 1))); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "1", "get", "deployment/good", "-n", ns, "-o", "jsonpath={.status.availableReplicas}")

	// Enough for the pod to have started and ended, also on a loaded machine, on which it may be seen Ready
	// before it ends.
	hopeless := strings.Replace(webYAML("bad", 1, "--crash-after=50ms"), "  replicas:", "  progressDeadlineSeconds: 12\n  minReadySeconds: 5\n  replicas:", 1)
	err := c.Install(t.Context(), kustomization(t, ns, hopeless))
	if err == nil {
		t.Fatal("a Deployment that never becomes Available was installed")
	}
	for _, part := range []string{"exceeded its progress deadline", "bad-", "app v1: serving on", "BackOff"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not show %q:\n%v", part, err)
		}
	}
}

func TestDeploymentsIn(t *testing.T) {
	found, err := deploymentsIn(webYAML("web", 1) + `
---
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: plan}
spec: {replicas: "10%", template: 3}
`)
	if err != nil || len(found) != 1 || found[0].Name != "web" || found[0].Namespace != "default" {
		t.Errorf("got %v, %v", found, err)
	}
}
