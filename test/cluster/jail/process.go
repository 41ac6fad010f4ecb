package jail

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// Process is a started container.
type Process struct {
	cmd  *exec.Cmd
	spec Spec
}

// Pid is the process id as the parent sees it; inside the container it is 1.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Wait returns the exit code once the program has ended, 128 plus the signal if one ended it, as
// container runtimes report it. It must be called exactly once.
func (p *Process) Wait() int {
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err == nil || !errors.As(err, &exit) {
		return p.cmd.ProcessState.ExitCode()
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// Signal sends sig to the program. One that has already ended is no error.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Kill ends the program and, as it is process 1 of its namespace, everything it has started.
func (p *Process) Kill() { _ = p.Signal(syscall.SIGKILL) }
