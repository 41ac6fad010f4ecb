package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Own says where the programs of this repository go.
type Own struct {
	// Bin gets testcluster itself, which runs the cluster.
	Bin string
	// Images gets one program for each image, under the last part of the image's name.
	Images string
	// Holdfast asks for the image of Holdfast too, built from cmd/holdfast.
	Holdfast bool
}

// FromSource builds this repository's programs as they stand in source and copies them to where
// they go. When nothing has changed it is quick: the compiler looks that up itself.
func FromSource(ctx context.Context, source string, own Own, progress io.Writer) error {
	cache, err := CacheDir(programs)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(source))
	dir := filepath.Join(cache, "own-"+hex.EncodeToString(sum[:])[:12]) + string(filepath.Separator)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	return locked(ctx, dir+"lock", progress, func() error {
		return watched(progress, "building the programs of this repository", func() error {
			return buildOwn(ctx, source, dir, own)
		})
	})
}

func buildOwn(ctx context.Context, source, dir string, own Own) error {
	command := slices.Concat([]string{"build"}, flags, []string{"-ldflags", "-s -w", "-o", dir})
	mains := []string{"./cluster/cmd/testcluster", "./cluster/images/app", "./cluster/images/eskip", "./cluster/images/faults", "./cluster/images/load", "./cluster/images/receiver", "./cluster/images/resources", "./cluster/images/webhook"}
	if _, err := golang(ctx, filepath.Join(source, "test"), slices.Concat(command, mains)...); err != nil {
		return err
	}
	destination := map[string]string{"testcluster": own.Bin, "app": own.Images, "eskip": own.Images, "faults": own.Images, "load": own.Images, "receiver": own.Images, "resources": own.Images, "webhook": own.Images}
	if own.Holdfast {
		if _, err := golang(ctx, source, slices.Concat(command, []string{"./cmd/holdfast"})...); err != nil {
			return err
		}
		destination["holdfast"] = own.Images
	}
	for name, folder := range destination {
		if err := Place(filepath.Join(dir, name), filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// Place copies a program by way of a rename: one that runs from the old file goes on running from it.
func Place(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy program: %w", err)
	}
	defer source.Close()
	target, err := os.OpenFile(to+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("copy program: %w", err)
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return fmt.Errorf("copy program %s: %w", from, err)
	}
	if err := target.Close(); err != nil {
		return fmt.Errorf("copy program %s: %w", from, err)
	}
	return os.Rename(to+".new", to)
}
