package agent

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPayloadIsSwitchedWhole(t *testing.T) {
	dir := t.TempDir()
	own := func(string) error { return nil }
	write := func(files map[string]file) {
		t.Helper()
		if err := writePayload(dir, files, own); err != nil {
			t.Fatal(err)
		}
	}
	write(map[string]file{"a": {[]byte("1"), 0o644}, "deep/b": {[]byte("2"), 0o400}, "gone": {nil, 0o644}})
	first, err := os.Readlink(filepath.Join(dir, dataLink))
	if err != nil {
		t.Fatal(err)
	}
	write(map[string]file{"a": {[]byte("1"), 0o644}, "deep/b": {[]byte("2"), 0o400}, "gone": {nil, 0o644}})
	if again, _ := os.Readlink(filepath.Join(dir, dataLink)); again != first {
		t.Errorf("the same payload was written again")
	}
	write(map[string]file{"a": {[]byte("9"), 0o644}, "deep/b": {[]byte("2"), 0o400}})
	if content, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(content) != "9" {
		t.Errorf("a: %q, %v", content, err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "deep/b")); err != nil || string(content) != "2" {
		t.Errorf("deep/b: %q, %v", content, err)
	}
	for _, name := range []string{"gone", first} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}
