package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// maxSocketPath is what fits into a socket address.
const maxSocketPath = 107

// Listen opens the control socket. The socket is a file, so it is reached from any network namespace.
func (s State) Listen() (*net.UnixListener, error) {
	var listener *net.UnixListener
	err := withSocketPath(s.socket(), func(path string) (err error) {
		listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	listener.SetUnlinkOnClose(false) // the supervisor's copy stays open
	return listener, os.Chmod(s.socket(), 0o600)
}

func (s State) dial(ctx context.Context) (conn net.Conn, err error) {
	err = withSocketPath(s.socket(), func(path string) (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", path)
		return err
	})
	return conn, err
}

// withSocketPath calls use with a path to the socket that is short enough, by way of its open
// folder if need be.
func withSocketPath(path string, use func(path string) error) error {
	if len(path) <= maxSocketPath {
		return use(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}
