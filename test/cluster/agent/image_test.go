package agent

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPull(t *testing.T) {
	i := images{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(i.dir, "app"), []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for reference, want := range map[string]bool{
		"holdfast.test/app:v1":         true,
		"holdfast.test/app":            true,
		"holdfast.test/app@sha256:abc": true,
		"holdfast.test/nosuch:v1":      false,
		"holdfast.test/../app:v1":      false,
		"holdfast.test:5000/app:v1":    false,
		"nginx:1":                      false,
		"holdfast.test/":               false,
	} {
		if _, err := i.pull(reference); (err == nil) != want {
			t.Errorf("%s: got error %v", reference, err)
		}
	}
}
