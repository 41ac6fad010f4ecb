package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// unpacked are the files of an archive, programs marked.
func unpacked(t *testing.T, text []byte, zipped bool) map[string]string {
	t.Helper()
	out := map[string]string{}
	if zipped {
		r, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.File {
			content, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(content)
			if err != nil {
				t.Fatal(err)
			}
			out[f.Name] = string(all)
		}
		return out
	}
	packed, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(packed); ; {
		head, err := r.Next()
		if err == io.EOF { //nolint:errorlint // it is never wrapped
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := head.Name
		if head.Mode&0o111 != 0 {
			name += "*"
		}
		out[name] = string(all)
	}
}

func TestArchives(t *testing.T) {
	for _, tc := range []struct {
		platform platform
		file     string
		want     map[string]string
	}{
		{platform{"linux", "arm64"}, "kubectl-holdfast_v1_linux_arm64.tar.gz", map[string]string{"kubectl-holdfast*": "program", "kubectl_complete-holdfast*": completes, "LICENSE": "license"}},
		{platform{"windows", "amd64"}, "kubectl-holdfast_v1_windows_amd64.zip", map[string]string{"kubectl-holdfast.exe": "program", "LICENSE": "license"}},
	} {
		made, text, err := pack(tc.platform, "v1", []byte("program"), []byte("license"))
		if err != nil {
			t.Fatal(err)
		}
		if made.File != tc.file {
			t.Errorf("the archive is called %s, want %s", made.File, tc.file)
		}
		if diff := cmp.Diff(tc.want, unpacked(t, text, tc.platform.os == "windows")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", made.File, diff)
		}
		again, same, err := pack(tc.platform, "v1", []byte("program"), []byte("license"))
		if err != nil || again != made || !bytes.Equal(text, same) {
			t.Errorf("%s is another one when it is made again (%v)", made.File, err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != made.SHA256 {
			t.Errorf("%s has another checksum than %s", made.File, made.SHA256)
		}
	}
}

// TestTheManifestForKrew has each archive once, by what krew selects on.
func TestTheManifestForKrew(t *testing.T) {
	text, err := krew("0.3.0", "https://example.com/v0.3.0/", []archive{
		{platform{"linux", "amd64"}, "a.tar.gz", "aa", "kubectl-holdfast"}, {platform{"windows", "arm64"}, "b.zip", "bb", "kubectl-holdfast.exe"},
	})
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Selector struct {
			MatchLabels map[string]string `json:"matchLabels"`
		} `json:"selector"`
		URI    string `json:"uri"`
		SHA256 string `json:"sha256"`
		Bin    string `json:"bin"`
	}
	var manifest struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct{ Name string }
		Spec       struct {
			Version   string
			Platforms []entry
		}
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	want := []entry{{URI: "https://example.com/v0.3.0/a.tar.gz", SHA256: "aa", Bin: "kubectl-holdfast"}, {URI: "https://example.com/v0.3.0/b.zip", SHA256: "bb", Bin: "kubectl-holdfast.exe"}}
	want[0].Selector.MatchLabels = map[string]string{"os": "linux", "arch": "amd64"}
	want[1].Selector.MatchLabels = map[string]string{"os": "windows", "arch": "arm64"}
	if diff := cmp.Diff(want, manifest.Spec.Platforms); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if manifest.Kind != "Plugin" || manifest.Metadata.Name != "holdfast" || manifest.Spec.Version != "v0.3.0" {
		t.Errorf("the manifest is\n%s", text)
	}
}
