package agent

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// Streams are closed after so long without a byte, and must be asked for within so long.
const (
	streamIdle     = 4 * time.Hour
	streamCreation = 30 * time.Second
)

// serveExec answers `kubectl exec`. Images have no shell; the program itself can be run again.
func (a *Agent) serveExec(w http.ResponseWriter, r *http.Request) {
	c, err := a.container(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, c, c.pod.name, string(c.pod.uid), c.spec.Name, r.URL.Query()["command"], options,
		streamIdle, streamCreation, remotecommand.SupportedStreamingProtocols)
}

// ExecInContainer runs a command for serveExec. There are no terminals here, so tty and resize are
// of no effect.
func (c *container) ExecInContainer(ctx context.Context, _, _, _ string, command []string, in io.Reader, out, errOut io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	c.pod.mu.Lock()
	process := c.process
	c.pod.mu.Unlock()
	if process == nil {
		return fmt.Errorf("container %q does not run", c.spec.Name)
	}
	code, err := process.Exec(ctx, command, in, out, errOut)
	if err == nil && code != 0 {
		err = utilexec.CodeExitError{Code: code, Err: fmt.Errorf("command terminated with exit code %d", code)}
	}
	return err
}

// servePortForward answers `kubectl port-forward`.
func (a *Agent) servePortForward(w http.ResponseWriter, r *http.Request) {
	p, err := a.find(r.PathValue("namespace"), r.PathValue("pod"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	portforward.ServePortForward(w, r, p, p.name, string(p.uid), &portforward.V4Options{}, streamIdle, streamCreation, portforward.SupportedProtocols)
}

// PortForward joins a stream to a port of the pod, which listens at the pod's address.
func (p *pod) PortForward(ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(p.address(), strconv.Itoa(int(port))))
	if err != nil {
		return fmt.Errorf("forward port %d of pod %s/%s: %w", port, p.namespace, p.name, err)
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, stream)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, conn)
	return err
}

// Signal sends sig to the program of a running container, as if someone had on the node. An empty
// container name is the first container.
func (a *Agent) Signal(namespace, name, containerName string, sig syscall.Signal) error {
	p, err := a.find(namespace, name)
	if err != nil {
		return err
	}
	c, err := p.container(containerName)
	if err != nil {
		return err
	}
	p.mu.Lock()
	process := c.process
	p.mu.Unlock()
	if process == nil {
		return fmt.Errorf("container %q of pod %s/%s does not run", c.spec.Name, namespace, name)
	}
	return process.Signal(sig)
}
