// Command image makes the image of Holdfast without a container engine: an OCI
// archive for several platforms, with its bill of materials. The same source,
// compiler and version give the same bytes.
//
//	image -source CHECKOUT -out FOLDER -version v0.1.0
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// options are the flags.
type options struct {
	source, out, version string
	platforms            []v1.Platform
}

func main() {
	var o options
	platforms := flag.String("platforms", "linux/amd64,linux/arm64", "for what machines")
	flag.StringVar(&o.source, "source", ".", "the checkout")
	flag.StringVar(&o.out, "out", "bin", "the folder that gets holdfast-image, holdfast-image.tar and the bills of materials")
	flag.StringVar(&o.version, "version", "devel", "what the program calls itself, and the image's tag")
	flag.Parse()
	for platform := range strings.SplitSeq(*platforms, ",") {
		parsed, err := v1.ParsePlatform(platform)
		if err != nil {
			fail(err)
		}
		o.platforms = append(o.platforms, *parsed)
	}
	digest, err := o.run(context.Background())
	if err != nil {
		fail(err)
	}
	fmt.Println(filepath.Join(o.out, archiveName))
	fmt.Println(digest)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "image:", err)
	os.Exit(1)
}

// run makes everything and returns the digest by which the image is pulled.
func (o options) run(ctx context.Context) (v1.Hash, error) {
	if err := os.MkdirAll(o.out, 0o750); err != nil {
		return v1.Hash{}, err
	}
	var images []v1.Image
	for _, platform := range o.platforms {
		image, err := o.imageFor(ctx, platform)
		if err != nil {
			return v1.Hash{}, fmt.Errorf("%s: %w", platform, err)
		}
		images = append(images, image)
	}
	index := indexOf(o.platforms, images)
	if err := writeArchive(o.out, index, o.version); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

// imageFor builds the program and puts it into an image.
func (o options) imageFor(ctx context.Context, platform v1.Platform) (v1.Image, error) {
	program, err := build(ctx, o.source, o.version, platform)
	if err != nil {
		return nil, err
	}
	old, err := behind(ctx, o.source, program)
	if err != nil {
		return nil, err
	}
	if old != "" {
		fmt.Fprintf(os.Stderr, "image: warning: %s: %s\n", platform, old)
	}
	bom, err := billOfMaterials(program, o.version)
	if err != nil {
		return nil, err
	}
	beside := filepath.Join(o.out, fmt.Sprintf("holdfast-%s-%s.cdx.json", platform.OS, platform.Architecture))
	if err := os.WriteFile(beside, bom, 0o600); err != nil {
		return nil, err
	}
	return imageOf(platform, o.version, program, bom)
}
