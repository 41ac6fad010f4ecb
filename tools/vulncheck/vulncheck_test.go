// Package vulncheck pins govulncheck, and tests that `make vulncheck` finds with it what a database
// has, for where the public one (https://vuln.go.dev) cannot be reached.
package vulncheck

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestADatabaseOfYourOwn is asked about every module that Holdfast is made of.
func TestADatabaseOfYourOwn(t *testing.T) {
	const module = "sigs.k8s.io/controller-runtime"
	for name, tc := range map[string]struct {
		database string
		finds    bool
	}{
		"without an entry": {database(t, ""), false},
		"with one":         {database(t, module), true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile="+absolute(t, "go.mod"), "govulncheck",
				"-db", "file://"+tc.database, "-scan", "module")
			cmd.Dir = "../../cmd/holdfast" // a scan of modules takes no patterns
			cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
			out, err := cmd.CombinedOutput()
			if found := strings.Contains(string(out), "GO-0000-0001"); found != tc.finds || (err != nil) != tc.finds {
				t.Errorf("found: %t, want %t (%v)\n%s", found, tc.finds, err, out)
			}
		})
	}
}

// database is a folder in the form of https://go.dev/doc/security/vuln/database, with an entry for
// every version of a module.
func database(t *testing.T, module string) string {
	t.Helper()
	const modified = "2026-01-01T00:00:00Z"
	modules := []any{}
	files := map[string]any{"index/db.json": map[string]string{"modified": modified}, "index/vulns.json": []any{}}
	if module != "" {
		modules = append(modules, map[string]any{"path": module, "vulns": []any{map[string]string{"id": "GO-0000-0001", "modified": modified}}})
		files["ID/GO-0000-0001.json"] = map[string]any{
			"schema_version": "1.3.1", "id": "GO-0000-0001", "modified": modified, "published": modified,
			"summary": "made up by a test", "details": "made up by a test",
			"database_specific": map[string]string{"url": "https://example.com/GO-0000-0001"},
			"affected": []any{map[string]any{
				"package":            map[string]string{"name": module, "ecosystem": "Go"},
				"ranges":             []any{map[string]any{"type": "SEMVER", "events": []any{map[string]string{"introduced": "0"}}}},
				"ecosystem_specific": map[string]any{"imports": []any{map[string]string{"path": module + "/pkg/client"}}},
			}},
		}
	}
	files["index/modules.json"] = modules
	dir := t.TempDir()
	for name, content := range files {
		text, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	out, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
