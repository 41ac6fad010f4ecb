package main

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// makeImage makes the image for this machine.
func makeImage(t *testing.T) (out string, digest v1.Hash) {
	t.Helper()
	out = t.TempDir()
	o := options{source: "../..", out: out, version: "v9.9.9", platforms: []v1.Platform{{OS: "linux", Architecture: runtime.GOARCH}}}
	digest, err := o.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out, digest
}

func TestTheImage(t *testing.T) {
	out, digest := makeImage(t)
	image := open(t, filepath.Join(out, archiveName), digest)
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/holdfast"}) || len(config.Config.Env) > 0 {
		t.Errorf("the configuration is %+v", config.Config)
	}
	if got := config.Config.Labels["org.opencontainers.image.version"]; got != "v9.9.9" {
		t.Errorf("the label of the version is %q", got)
	}
	files := content(t, image)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"etc/passwd", "etc/ssl/certs/ca-certificates.crt", "holdfast", bomPath}; !slices.Equal(names, want) {
		t.Errorf("in the image there is %v, want %v", names, want)
	}
	if n := bytes.Count(files["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN CERTIFICATE")); n < 80 {
		t.Errorf("the image knows %d CAs", n)
	}
	wantRuns(t, files["holdfast"])
	wantMaterials(t, files["holdfast"], files[bomPath])
}

// TestTheSameBytesTwice: from the same source, into another folder.
func TestTheSameBytesTwice(t *testing.T) {
	first, digest := makeImage(t)
	second, again := makeImage(t)
	if digest != again {
		t.Errorf("the digests are %s and %s", digest, again)
	}
	for _, name := range []string{archiveName, "holdfast-linux-" + runtime.GOARCH + ".cdx.json"} {
		a, errA := os.ReadFile(filepath.Join(first, name))
		b, errB := os.ReadFile(filepath.Join(second, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs from one time to the next (%v, %v)", name, errA, errB)
		}
	}
}

// open reads an archive, checks every digest in it and returns its one image.
func open(t *testing.T, archive string, digest v1.Hash) v1.Image {
	t.Helper()
	dir := t.TempDir()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, text := range untar(t, file) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	root, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	index, err := root.ImageIndex(digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].Platform.Architecture != runtime.GOARCH {
		t.Fatalf("the index is %+v (%v)", manifest, err)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// content is the files that a container would see.
func content(t *testing.T, image v1.Image) map[string][]byte {
	t.Helper()
	flat := mutate.Extract(image)
	defer flat.Close()
	return untar(t, flat)
}

func untar(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if out[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

// wantRuns: the program runs, as it is, and knows its version.
func wantRuns(t *testing.T, program []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "holdfast")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{"version": "holdfast v9.9.9 (go", "--help": "-prometheus-url", "uninstall --help": "stable templates"} {
		out, err := exec.CommandContext(t.Context(), path, strings.Fields(args)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("holdfast %s: %v, without %q:\n%s", args, err, want, out)
		}
	}
}

// wantMaterials: the bill lists every module that the program says it is made of.
func wantMaterials(t *testing.T, program, text []byte) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, c := range *bom.Components {
		listed[c.PackageURL] = true
	}
	for _, module := range info.Deps {
		if purl := "pkg:golang/" + module.Path + "@" + module.Version; !listed[purl] {
			t.Errorf("the bill of materials lacks %s", purl)
		}
	}
	if len(info.Deps) < 20 || len(listed) != len(info.Deps)+1 { // and the standard library
		t.Errorf("the program has %d modules, the bill %d", len(info.Deps), len(listed))
	}
	if bom.Metadata.Component.Name != "holdfast.dev/holdfast" || bom.Metadata.Component.Version != "v9.9.9" {
		t.Errorf("the bill is of %+v", bom.Metadata.Component)
	}
}

func TestAnOlderGoIsTold(t *testing.T) {
	for _, tc := range []struct {
		used, asked string
		told        bool
	}{
		{"go1.26.8", "go1.26.11", true},
		{"go1.26.11", "go1.26.11", false},
		{"go1.27.0", "go1.26.11", false},
		{"go1.26.8", "", false}, // it asks for none
	} {
		if got := olderThan(tc.used, tc.asked); (got != "") != tc.told {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}
