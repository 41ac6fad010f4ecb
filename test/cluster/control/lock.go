package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrRunning says that the cluster of a folder runs.
var ErrRunning = errors.New("a cluster runs")

// Lock takes the lock of a cluster's folder, which must exist. The supervisor inherits the open
// file and holds the lock as long as it lives, whatever ends it: a free lock is the proof that the
// cluster is dead. ErrRunning means that it is not.
func Lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(lockFile(dir), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open cluster lock: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w in %s", ErrRunning, dir)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return file, nil
}

// Running says whether the cluster of dir lives.
func Running(dir string) (bool, error) {
	if _, err := os.Stat(lockFile(dir)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	file, err := Lock(dir)
	if errors.Is(err, ErrRunning) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, file.Close()
}
