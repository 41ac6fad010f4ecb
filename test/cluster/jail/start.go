package jail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespaces are those that every container has to itself; the network is its pod's.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// ErrNotStarted marks the failure of a program that never ran: no such file, not executable, a mount refused.
var ErrNotStarted = errors.New("container did not start")

// Start runs the program of spec in the network namespace netns (nil for this process's own) and
// returns once the program has replaced the clone, so a nil error means that it really runs. stdout
// and stderr stay the caller's to close.
func Start(spec Spec, netns, stdout, stderr *os.File) (*Process, error) {
	input, specPipe, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe for container spec: %w", err)
	}
	defer specPipe.Close()
	failure, failurePipe, err := os.Pipe()
	if err != nil {
		input.Close()
		return nil, fmt.Errorf("open pipe for container failure: %w", err)
	}
	defer failure.Close()

	cmd := exec.Command("/proc/self/exe", InitArg)
	cmd.Env = []string{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.ExtraFiles = []*os.File{input, failurePipe}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true}
	err = inNetwork(netns, cmd.Start)
	input.Close()
	failurePipe.Close()
	if err != nil {
		return nil, fmt.Errorf("clone container: %w", err)
	}
	p := &Process{cmd: cmd, spec: spec}
	if err := p.handOver(specPipe, failure); err != nil {
		p.Kill()
		p.Wait()
		return nil, err
	}
	return p, nil
}

// handOver sends the spec and waits for the clone's word: end of file without one is the successful exec.
func (p *Process) handOver(specPipe io.WriteCloser, failure io.Reader) error {
	if err := json.NewEncoder(specPipe).Encode(p.spec); err != nil {
		return fmt.Errorf("send container spec: %w", err)
	}
	specPipe.Close()
	message, err := io.ReadAll(failure)
	if err != nil {
		return fmt.Errorf("read container start: %w", err)
	}
	if len(message) > 0 {
		return fmt.Errorf("%w: %s", ErrNotStarted, strings.TrimSpace(string(message)))
	}
	return nil
}

// inNetwork calls start on a thread that stands in netns, so that what it forks does too. The
// thread is thrown away with its goroutine: it never serves anything else.
func inNetwork(netns *os.File, start func() error) error {
	if netns == nil {
		return start()
	}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter network namespace of the pod: %w", err)
			return
		}
		result <- start()
	}()
	return <-result
}
