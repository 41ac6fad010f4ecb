package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster/jail"
)

// mounts are everything that the container's root gets: the program, the files in /etc, and the
// volumes, last, so that a volume may stand in place of any of them.
func (c *container) mounts(image image, env []string) ([]jail.Mount, error) {
	mounts := []jail.Mount{
		{Source: image.path, Target: "/" + image.name, ReadOnly: true},
		{Source: image.path, Target: "/usr/local/bin/" + image.name, ReadOnly: true},
	}
	for _, name := range []string{"hosts", "hostname", "resolv.conf"} {
		mounts = append(mounts, jail.Mount{Source: filepath.Join(c.pod.dir, "etc", name), Target: "/etc/" + name, ReadOnly: true})
	}
	message, err := c.freshTerminationFile()
	if err != nil {
		return nil, err
	}
	mounts = append(mounts, jail.Mount{Source: message, Target: c.spec.TerminationMessagePath})
	lookup := mapLookup(env)
	for _, m := range c.spec.VolumeMounts {
		subPath := m.SubPath
		if m.SubPathExpr != "" {
			subPath = expand(m.SubPathExpr, lookup)
		}
		source, err := within(c.pod.volumes.path(m.Name), subPath)
		if err != nil {
			return nil, fmt.Errorf("failed to prepare subPath for volumeMount %q of container %q: %w", m.Name, c.spec.Name, err)
		}
		readOnly := m.ReadOnly || c.pod.volumes.readOnly(m.Name)
		mounts = append(mounts, jail.Mount{Source: source, Target: m.MountPath, ReadOnly: readOnly})
	}
	return mounts, nil
}

// within is a path inside a volume with its links followed, made as a folder if there is none.
func within(volume, subPath string) (string, error) {
	if subPath == "" {
		return volume, nil
	}
	if !filepath.IsLocal(subPath) {
		return "", fmt.Errorf("subPath %q leaves the volume", subPath)
	}
	path := filepath.Join(volume, subPath)
	resolved, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, os.MkdirAll(path, 0o777)
	}
	return resolved, err
}

// freshTerminationFile makes the empty file in which the container may say why it ended.
func (c *container) freshTerminationFile() (string, error) {
	path := c.terminationFile()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("make termination message file: %w", err)
	}
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		return "", fmt.Errorf("make termination message file: %w", err)
	}
	return path, os.Chmod(path, 0o666)
}

func (c *container) terminationFile() string {
	return filepath.Join(c.pod.dir, "ends", c.spec.Name)
}
