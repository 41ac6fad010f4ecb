package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testHelm(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "helm")
	chart := t.TempDir()
	for name, content := range map[string]string{
		"Chart.yaml":        "apiVersion: v2\nname: note\nversion: 1.0.0\n",
		"templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n",
	} {
		file := filepath.Join(chart, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, version := range []int{Helm3, Helm4} {
		name := helmName(version)
		result, err := c.Helm(t.Context(), version, "", "install", name, chart, "-n", ns, "--wait")
		if err != nil || result.Code != 0 {
			t.Fatalf("%s install: %v, exit code %d\n%s%s", name, err, result.Code, result.Stdout, result.Stderr)
		}
		if owner := kubectl(t, c, "", "get", "configmap", name, "-n", ns, "-o", "yaml"); !strings.Contains(owner, "meta.helm.sh/release-name: "+name) {
			t.Errorf("what %s has installed is\n%s", name, owner)
		}
		home := t.TempDir()
		cmd := c.Command(t.Context(), name, "list", "-n", ns)
		cmd.Env = append(cmd.Env, "HOME="+home)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), name) {
			t.Errorf("%s list: %v\n%s", name, err, out)
		}
		if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
			t.Errorf("%s has written %v into the home folder (%v)", name, left, err)
		}
	}
}
