package build

import "testing"

func TestKey(t *testing.T) {
	base := key("go1.26.8", []string{"-trimpath", ""}, []byte("mod"), []byte("sum"))
	if again := key("go1.26.8", []string{"-trimpath", ""}, []byte("mod"), []byte("sum")); again != base {
		t.Errorf("the same pins give %s and %s", base, again)
	}
	for name, other := range map[string]string{
		"another compiler":        key("go1.27", []string{"-trimpath", ""}, []byte("mod"), []byte("sum")),
		"other tags":              key("go1.26.8", []string{"-trimpath", "tag"}, []byte("mod"), []byte("sum")),
		"another pin":             key("go1.26.8", []string{"-trimpath", ""}, []byte("mod2"), []byte("sum")),
		"another sum":             key("go1.26.8", []string{"-trimpath", ""}, []byte("mod"), []byte("sum2")),
		"bytes moved between two": key("go1.26.8", []string{"-trimpath", ""}, []byte("mods"), []byte("um")),
	} {
		if other == base {
			t.Errorf("%s gives the same key", name)
		}
	}
}

func TestEveryToolHasItsPins(t *testing.T) {
	source, err := Source()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := toolPaths(t.Context(), source); err != nil {
		t.Error(err)
	}
}
