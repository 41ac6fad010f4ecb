package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster/build"
	"holdfast.dev/holdfast/test/cluster/control"
)

// Start builds what is not built yet, starts a cluster and returns when pods can be created in it,
// and when what Options.Install asks for is Available. If ctx ends before that, or anything fails,
// nothing is left behind.
func Start(ctx context.Context, o Options) (_ *Cluster, err error) {
	if o, err = o.complete(); err != nil {
		return nil, err
	}
	steps := newSteps(o.Progress)
	steps.begin("tools")
	tools, err := build.Tools(ctx, o.Source, o.Progress)
	if err != nil {
		return nil, err
	}
	state, lock, err := prepare(o)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	state.Tools = tools
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(state.Dir))
		}
	}()
	steps.begin("programs of this repository")
	own := build.Own{Bin: state.Bin(), Images: state.Images(), Holdfast: o.Install != ""}
	if err := build.FromSource(ctx, o.Source, own, o.Progress); err != nil {
		return nil, err
	}
	c, err := launch(ctx, state, lock, steps)
	if err != nil {
		return nil, err
	}
	if o.Install != "" {
		steps.begin("install " + o.Install)
		if err := c.Install(ctx, o.Install); err != nil {
			return nil, errors.Join(err, c.Stop())
		}
	}
	steps.end()
	return c, nil
}

// prepare makes the cluster's folder, empty but for what is known before the start, and takes its lock.
func prepare(o Options) (control.State, *os.File, error) {
	state := control.State{Attached: !o.Detach}
	dir := o.Dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return state, nil, fmt.Errorf("make cluster folder: %w", err)
	}
	lock, err := control.Lock(dir)
	if err != nil {
		return state, nil, err
	}
	state.Dir, state.Logs = dir, o.Logs
	if state.Logs == "" {
		state.Logs = filepath.Join(dir, "log")
	}
	for n := 1; n <= o.Nodes; n++ {
		state.Nodes = append(state.Nodes, fmt.Sprintf("node-%d", n))
	}
	if err := emptyButLock(dir); err != nil {
		return state, nil, err
	}
	for _, sub := range []string{state.Logs, state.Bin(), state.Images()} {
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return state, nil, fmt.Errorf("make cluster folder: %w", err)
		}
	}
	return state, lock, os.Chmod(dir, 0o755)
}

// emptyButLock removes what a dead cluster has left. A folder that is no cluster's is not touched.
func emptyButLock(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list cluster folder: %w", err)
	}
	if _, err := control.Load(dir); errors.Is(err, control.ErrNoCluster) && len(entries) > 1 {
		return fmt.Errorf("%s has content, but of no cluster: name an empty folder", dir)
	}
	for _, entry := range entries {
		if entry.Name() == "lock" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("remove what a dead cluster has left: %w", err)
		}
	}
	return nil
}

// listen opens a port on the loopback for the supervisor to inherit.
func listen() (*os.File, string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("open a port on the loopback: %w", err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	return file, listener.Addr().String(), err
}
