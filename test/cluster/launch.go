package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster/control"
)

// ownership ties an attached cluster to this process.
type ownership struct {
	cmd *exec.Cmd
	// pipe is the only writing end of the pipe that the supervisor reads; the kernel closes it when
	// this process ends.
	pipe *os.File
}

// launch starts the supervisor in its namespaces and returns when the cluster is ready.
func launch(ctx context.Context, state control.State, lock *os.File, steps *steps) (*Cluster, error) {
	files, err := openInherited(&state, lock)
	defer files.close()
	if err != nil {
		return nil, err
	}
	if err := state.Save(); err != nil {
		return nil, err
	}
	if err := linkTools(state); err != nil {
		return nil, err
	}
	cmd, err := clone(state, files.list())
	if err != nil {
		return nil, err
	}
	c := &Cluster{state: state, owned: &ownership{cmd: cmd, pipe: files.parent}}
	files.parent = nil // c's to close
	files.closeInherited()
	c.state.Pid = cmd.Process.Pid
	if c.state.Birth, err = identify(c.state.Pid); err == nil {
		err = c.state.Save()
	}
	if err == nil {
		stopOnCancel := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
		err = control.Follow(files.progress, steps.begin)
		stopOnCancel()
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, supervisorLog(state))
		return nil, errors.Join(err, c.Stop())
	}
	if !state.Attached {
		c.owned = nil
		go func() { _ = cmd.Wait() }()
	}
	return c, nil
}

// inherited are the files that the supervisor gets, in the order of control's descriptors, and our
// ends of the pipes.
type inherited struct {
	files            []*os.File
	progress, parent *os.File
}

func openInherited(state *control.State, lock *os.File) (*inherited, error) {
	i := &inherited{}
	progress, progressEnd, err := os.Pipe()
	if err != nil {
		return i, fmt.Errorf("open progress pipe: %w", err)
	}
	i.progress = progress
	i.files = append(i.files, progressEnd, lock)
	socket, err := state.Listen()
	if err != nil {
		return i, err
	}
	defer socket.Close()
	socketFile, err := socket.File()
	if err != nil {
		return i, fmt.Errorf("open control socket: %w", err)
	}
	i.files = append(i.files, socketFile)
	for _, address := range []*string{&state.APIServer, &state.Prometheus, &state.Metrics} {
		var file *os.File
		if file, *address, err = listen(); err != nil {
			return i, err
		}
		i.files = append(i.files, file)
	}
	parentEnd, parent, err := os.Pipe()
	if err != nil {
		return i, fmt.Errorf("open parent pipe: %w", err)
	}
	i.parent = parent
	i.files = append(i.files, parentEnd)
	return i, nil
}

func (i *inherited) list() []*os.File { return i.files }

// closeInherited closes the copies that are now the supervisor's; the lock is its caller's.
func (i *inherited) closeInherited() {
	for n, file := range i.files {
		if n != control.LockFD-control.ProgressFD {
			file.Close()
		}
	}
	i.files = nil
}

func (i *inherited) close() {
	i.closeInherited()
	for _, file := range []*os.File{i.progress, i.parent} {
		if file != nil {
			file.Close()
		}
	}
}

// linkTools makes the cluster's bin folder, to be put into a PATH.
func linkTools(state control.State) error {
	for name, path := range state.Tools {
		if err := os.Symlink(path, filepath.Join(state.Bin(), name)); err != nil {
			return fmt.Errorf("link tool: %w", err)
		}
	}
	return nil
}

func supervisorLog(state control.State) string {
	content, err := os.ReadFile(filepath.Join(state.Logs, supervisorLogName))
	if err != nil {
		return ""
	}
	return string(content[max(0, len(content)-4096):])
}
