package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// registry is the host part of the only images there are.
const registry = "holdfast.test/"

// images finds the program behind an image reference in a folder that stands for a registry.
type images struct {
	dir string
}

// image is a "pulled" image.
type image struct {
	// name is the program's; in a container it is found as /<name> and in the PATH.
	name string
	path string
	// id changes with the program.
	id string
}

// pull resolves a reference. Any tag does, since a scenario needs many images that differ only by
// their tag. The error reads as containerd's for an image that the registry does not have.
func (i images) pull(reference string) (image, error) {
	name, isOurs := strings.CutPrefix(repository(reference), registry)
	path := filepath.Join(i.dir, name)
	if !isOurs || strings.ContainsAny(name, "/") {
		return image{}, notFound(reference)
	}
	file, err := os.Open(path)
	if err != nil {
		return image{}, notFound(reference)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return image{}, fmt.Errorf("read program of image %q: %w", reference, err)
	}
	return image{name: name, path: path, id: repository(reference) + "@sha256:" + hex.EncodeToString(sum.Sum(nil))}, nil
}

func notFound(reference string) error {
	return fmt.Errorf("failed to pull and unpack image %[1]q: failed to resolve reference %[1]q: %[1]s: not found", reference)
}

// repository is a reference without its digest and tag.
func repository(reference string) string {
	reference, _, _ = strings.Cut(reference, "@")
	if colon := strings.LastIndex(reference, ":"); colon > strings.LastIndex(reference, "/") {
		reference = reference[:colon]
	}
	return reference
}
