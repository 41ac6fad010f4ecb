package supervisor

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// stopGrace is how long a component has after SIGTERM.
const stopGrace = 5 * time.Second

// States of a component, as control.Component has them.
const (
	stateRunning = "running"
	stateStopped = "stopped"
	stateCrashed = "crashed"
)

// component is one program of the control plane. components.mu guards it.
type component struct {
	name, path string
	args       []string
	logPath    string

	state  string
	cmd    *exec.Cmd
	exited chan struct{}
}

// start runs the program, its output going on in its log.
func (c *component) start(log *slog.Logger, crashed func(*component, error)) error {
	output, err := os.OpenFile(c.logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", c.name, err)
	}
	defer output.Close()
	cmd := exec.Command(c.path, c.args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Dir = filepath.Dir(c.logPath)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	log.Info("component started", "name", c.name, "pid", cmd.Process.Pid)
	exited := make(chan struct{})
	c.cmd, c.exited, c.state = cmd, exited, stateRunning
	go func() {
		err := cmd.Wait()
		crashed(c, err)
		close(exited)
	}()
	return nil
}

// interrupt asks the program to end, and kills it when grace is over.
func (c *component) interrupt(exited <-chan struct{}, process *os.Process) {
	_ = process.Signal(syscall.SIGTERM)
	_ = process.Signal(syscall.SIGCONT) // a stopped process could not hear it
	select {
	case <-exited:
	case <-time.After(stopGrace):
		_ = process.Kill()
		<-exited
	}
}

// signal sends sig; one that ends the program counts as a crash.
func (c *component) signal(sig syscall.Signal) error {
	if c.state != stateRunning {
		return fmt.Errorf("%s does not run: it is %s", c.name, c.state)
	}
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", c.name, err)
	}
	return nil
}
