package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// CacheDir is a folder for name in the user's cache of Holdfast.
func CacheDir(name string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w (set XDG_CACHE_HOME)", err)
	}
	return filepath.Join(base, "holdfast", name), nil
}

// programs is the folder in which built programs are kept between starts.
const programs = "bin"

// locked runs do while holding the lock file at path, so that of two starts one builds and the other waits.
func locked(ctx context.Context, path string, progress io.Writer, do func() error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("open lock: %w", err)
	}
	defer file.Close()
	told := false
	for unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		if !told {
			fmt.Fprintf(progress, "waiting for another start that is building (%s)\n", path)
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for lock %s: %w", path, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
	return do()
}
