package jail

import (
	"bufio"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// dropPrivileges takes on the user and leaves no capability behind but NET_ADMIN where that is asked for:
// what is not in the bounding set not even a program run as root gets, and what is, none but root.
func dropPrivileges(user User, netAdmin bool) error {
	for capability := uintptr(0); capability <= unix.CAP_LAST_CAP; capability++ {
		if netAdmin && capability == unix.CAP_NET_ADMIN {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil && err != unix.EINVAL {
			return fmt.Errorf("drop capability %d: %w", capability, err)
		}
	}
	if user.UID != 0 || user.GID != 0 {
		if err := syscall.Setgroups(user.Groups); err != nil {
			return fmt.Errorf("set groups %v: %w", user.Groups, err)
		}
		if err := syscall.Setresgid(user.GID, user.GID, user.GID); err != nil {
			return fmt.Errorf("set group %d: %w", user.GID, err)
		}
		if err := syscall.Setresuid(user.UID, user.UID, user.UID); err != nil {
			return fmt.Errorf("set user %d: %w", user.UID, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid new privileges: %w", err)
	}
	return nil
}

// Mapped says whether programs can take on any user id. They cannot when the cluster was started by
// an ordinary user, whose namespace knows only that user: then everything runs as it, and runAsUser
// is checked but not done.
func Mapped() bool {
	file, err := os.Open("/proc/self/uid_map")
	if err != nil {
		return false
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(lines.Text(), &inside, &outside, &count); err == nil && inside == 0 && count > 65536 {
			return true
		}
	}
	return false
}
