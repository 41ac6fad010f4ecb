package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster/build"
)

// Major versions of Helm: 3 merges on the client, 4 applies on the server.
const (
	Helm3 = 3
	Helm4 = 4
)

// Helm runs Helm of that major version as Kubectl runs kubectl. The first run of each version
// builds it if that has never been done, which takes minutes and is told on stderr.
func (c *Cluster) Helm(ctx context.Context, version int, stdin string, args ...string) (Result, error) {
	if err := c.ProvideHelm(ctx, version, os.Stderr); err != nil {
		return Result{}, err
	}
	return c.run(ctx, helmName(version), stdin, args...)
}

// ProvideHelm puts helm3 or helm4 into the cluster's folder of tools, building it if need be.
// Command can run it then, and so can any shell: all that it writes is in the cluster's folder.
func (c *Cluster) ProvideHelm(ctx context.Context, version int, progress io.Writer) error {
	name := helmName(version)
	if _, err := os.Stat(c.Bin(name)); err == nil {
		return nil
	}
	source, err := build.Source()
	if err != nil {
		return err
	}
	path, err := build.Tool(ctx, source, name, progress)
	if err != nil {
		return err
	}
	return c.wrapHelm(name, path)
}

func helmName(version int) string { return fmt.Sprintf("helm%d", version) }

// wrapHelm makes a program in the cluster's folder of tools that runs Helm at path with a home in
// that folder. Two that do so at a time write the same.
func (c *Cluster) wrapHelm(name, path string) error {
	home := filepath.Join(c.Dir(), name)
	script := "#!/bin/sh\n"
	for _, variable := range []struct{ name, folder string }{
		{"HELM_CACHE_HOME", "cache"}, {"HELM_CONFIG_HOME", "config"}, {"HELM_DATA_HOME", "data"}, {"KUBECACHEDIR", "discovery"},
	} {
		script += fmt.Sprintf("export %s='%s'\n", variable.name, filepath.Join(home, variable.folder))
	}
	script += fmt.Sprintf("exec '%s' \"$@\"\n", path)

	file, err := os.CreateTemp(c.Bin(""), name+".new-")
	if err != nil {
		return fmt.Errorf("make %s of the cluster: %w", name, err)
	}
	_, err = file.WriteString(script)
	err = errors.Join(err, file.Chmod(0o755), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), c.Bin(name))
	}
	if err != nil {
		if gone := os.Remove(file.Name()); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return fmt.Errorf("make %s of the cluster: %w", name, err)
	}
	return nil
}
