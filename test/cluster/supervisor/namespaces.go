package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"holdfast.dev/holdfast/test/cluster/control"
	"holdfast.dev/holdfast/test/cluster/network"
)

// enterNamespaces makes this process at home in the namespaces it was cloned into: mounts of its
// own, a /proc that shows its processes, memory for what pods mount, the cluster's network.
func enterNamespaces(state control.State) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return withRemedy(fmt.Errorf("make mounts private: %w", err))
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w (in a container, start that with an unmasked /proc or as privileged)", err)
	}
	if err := unix.Sethostname([]byte("holdfast-test")); err != nil {
		return fmt.Errorf("set hostname: %w", err)
	}
	pods := podsDir(state)
	if err := os.MkdirAll(pods, 0o755); err != nil {
		return fmt.Errorf("make folder for pods: %w", err)
	}
	if err := unix.Mount("pods", pods, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount memory for pods: %w", err)
	}
	return network.SetUp(len(state.Nodes))
}

func podsDir(state control.State) string { return filepath.Join(state.Dir, "pods") }

// withRemedy explains a permission that is missing although the user namespace was granted.
func withRemedy(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w: user namespaces have no privileges here; run as root, or as root allow them: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0", err)
	}
	return err
}
