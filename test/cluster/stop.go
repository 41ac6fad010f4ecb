package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"holdfast.dev/holdfast/test/cluster/control"
)

// stopLimit is how long a cluster may take to end when it is asked to.
const stopLimit = 10 * time.Second

// Stop ends the cluster with all its processes and removes its folder. A second call does nothing.
func (c *Cluster) Stop() error {
	if c.owned != nil {
		return c.stopOwned()
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	asked := c.state.Shutdown(ctx)
	if err := awaitDeath(ctx, c.state); err != nil {
		if err := c.kill(); err != nil {
			return errors.Join(asked, err)
		}
	}
	return remove(c.state.Dir)
}

// stopOwned ends a cluster that this process started.
func (c *Cluster) stopOwned() error {
	c.owned.pipe.Close()
	_ = c.owned.cmd.Process.Signal(syscall.SIGTERM)
	overdue := time.AfterFunc(stopLimit, func() { _ = c.owned.cmd.Process.Kill() })
	defer overdue.Stop()
	_ = c.owned.cmd.Wait() // killed or not, it is gone
	return remove(c.state.Dir)
}

// Clean removes what a cluster that was killed has left in dir. A living one is left alone with
// control.ErrRunning.
func Clean(dir string) error {
	if _, err := control.Load(dir); err != nil {
		return err
	}
	lock, err := control.Lock(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	return remove(dir)
}

func remove(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove cluster folder: %w", err)
	}
	return nil
}

// awaitDeath returns when the cluster's lock is free and its first process is gone, which the
// kernel lets go only after all others.
func awaitDeath(ctx context.Context, state control.State) error {
	for {
		running, err := control.Running(state.Dir)
		if err != nil || !running && !lives(state.Pid, state.Birth) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the cluster in %s to end: %w", state.Dir, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill ends a cluster that does not answer, if its first process is still the one that was started.
func (c *Cluster) kill() error {
	if !lives(c.state.Pid, c.state.Birth) {
		return fmt.Errorf("the lock of the cluster in %s is held, but not by process %d that was started", c.state.Dir, c.state.Pid)
	}
	if err := syscall.Kill(c.state.Pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill cluster: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	return awaitDeath(ctx, c.state)
}
