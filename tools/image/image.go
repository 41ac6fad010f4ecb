package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"io"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is nobody's: the manifests ask for the same.
const user = "65532:65532"

// bomPath is where the image has its bill of materials, under a name that
// scanners know.
const bomPath = "usr/share/sbom/holdfast.cdx.json"

// epoch is when everything was made: the same for the same source.
var epoch = time.Unix(0, 0).UTC()

// file is one of an image.
type file struct {
	name    string
	mode    int64
	content []byte
}

// imageOf is an image with nothing in it but the program, the CAs of the
// public (for a Prometheus behind one of them), a name for the user, and what
// the program is made of.
func imageOf(platform v1.Platform, version string, program, bom []byte) (v1.Image, error) {
	system, err := layer(
		file{"etc/passwd", 0o644, []byte("holdfast:x:65532:65532:holdfast:/:/sbin/nologin\n")},
		file{"etc/ssl/certs/ca-certificates.crt", 0o644, publicCAs()},
	)
	if err != nil {
		return nil, err
	}
	own, err := layer(file{"holdfast", 0o755, program}, file{bomPath, 0o644, bom})
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image,
		mutate.Addendum{Layer: system, History: v1.History{CreatedBy: "CAs of the public, and a user", Created: v1.Time{Time: epoch}}},
		mutate.Addendum{Layer: own, History: v1.History{CreatedBy: "holdfast " + version, Created: v1.Time{Time: epoch}}},
	)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = platform.OS, platform.Architecture, v1.Time{Time: epoch}
	config.Config = v1.Config{
		User: user, Entrypoint: []string{"/holdfast"}, WorkingDir: "/", Labels: labels(version),
		ExposedPorts: map[string]struct{}{"9443/tcp": {}, "8080/tcp": {}, "8081/tcp": {}},
	}
	return mutate.ConfigFile(image, config)
}

// labels are those that the OCI image specification knows.
func labels(version string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "holdfast",
		"org.opencontainers.image.description": "Makes every image change of a Deployment a canary",
		"org.opencontainers.image.version":     version,
		"org.opencontainers.image.licenses":    "Apache-2.0",
	}
}

// layer is a layer of files, each with its folders.
func layer(files ...file) (v1.Layer, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	made := map[string]bool{}
	for _, f := range files {
		for i, c := range f.name {
			if folder := f.name[:i]; c == '/' && !made[folder] {
				made[folder] = true
				if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755, ModTime: epoch}); err != nil {
					return nil, err
				}
			}
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: epoch}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

// publicCAs are those of Mozilla's list, as of the version of the module.
func publicCAs() []byte {
	var all [][]byte
	for root := range bundle.Roots() {
		if root.Constraint == nil { // which a file in PEM could not express
			all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	slices.SortFunc(all, bytes.Compare)
	return bytes.Join(all, nil)
}

// indexOf is the image of all platforms.
func indexOf(platforms []v1.Platform, images []v1.Image) v1.ImageIndex {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for i, image := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platforms[i]}})
	}
	return index
}
