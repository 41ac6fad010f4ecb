package jail

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// devices are lent from the host: a user namespace may not make any.
var devices = []string{"null", "zero", "full", "random", "urandom"}

// layRoot builds the container's root on a fresh tmpfs and moves into it.
func layRoot(spec Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("rootfs", spec.Rootfs, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("mount root at %s: %w", spec.Rootfs, err)
	}
	if err := skeleton(spec); err != nil {
		return err
	}
	if err := layDevices(spec.Rootfs); err != nil {
		return err
	}
	for _, m := range spec.Mounts {
		if err := bind(m.Source, filepath.Join(spec.Rootfs, m.Target), m.ReadOnly); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(spec.Rootfs, spec.Dir), 0o755); err != nil {
		return fmt.Errorf("make working directory: %w", err)
	}
	return enterRoot(spec.Rootfs, spec.ReadOnly)
}

// skeleton makes the directories that the smallest of base images have.
func skeleton(spec Spec) error {
	for _, dir := range []string{"proc", "dev", "etc", "home/nonroot", "var/run", "usr/local/bin"} {
		if err := os.MkdirAll(filepath.Join(spec.Rootfs, dir), 0o755); err != nil {
			return fmt.Errorf("make root: %w", err)
		}
	}
	tmp := filepath.Join(spec.Rootfs, "tmp")
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return fmt.Errorf("make root: %w", err)
	}
	if err := os.Chmod(tmp, 0o777|os.ModeSticky); err != nil {
		return fmt.Errorf("make root: %w", err)
	}
	passwd := "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n" +
		"nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
	return os.WriteFile(filepath.Join(spec.Rootfs, "etc/passwd"), []byte(passwd), 0o644)
}

func layDevices(root string) error {
	for _, name := range devices {
		if err := bind("/dev/"+name, filepath.Join(root, "dev", name), false); err != nil {
			return err
		}
	}
	links := map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, "dev", name)); err != nil {
			return fmt.Errorf("link device %s: %w", name, err)
		}
	}
	return nil
}

// bind mounts source at target, which it makes: a directory for a directory, a file for anything
// else. Read-only is set by mount_setattr, which adds to the flags that the source's mount has; a
// user namespace may not take any away.
func bind(source, target string, readOnly bool) error {
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("mount %s: %w", source, err)
	}
	if err := makeMountPoint(target, info.IsDir()); err != nil {
		return fmt.Errorf("mount %s: %w", source, err)
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s at %s: %w", source, target, err)
	}
	if readOnly {
		return makeReadOnly(target)
	}
	return nil
}

func makeMountPoint(target string, isDir bool) error {
	if isDir {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(target, os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

func makeReadOnly(path string) error {
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, path, 0, attr); err != nil {
		return fmt.Errorf("make %s read-only: %w", path, err)
	}
	return nil
}

// enterRoot makes root the root of this mount namespace and forgets the old one. The process file
// system is mounted last: it must show this process-id namespace.
func enterRoot(root string, readOnly bool) error {
	if err := unix.Mount("proc", filepath.Join(root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := os.Chdir(root); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	if readOnly {
		return makeReadOnly("/")
	}
	return nil
}
