package jail

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exec runs args inside the running container, as an exec probe or `kubectl exec` does, and returns
// its exit code. An error means that it could not be run at all. It is killed when ctx ends.
func (p *Process) Exec(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (int, error) {
	started := make(chan error, 1)
	var cmd *exec.Cmd
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespaces
		if err := p.enter(); err != nil {
			started <- err
			return
		}
		path, err := lookUp(args[0], p.spec.Env)
		if err != nil {
			started <- err
			return
		}
		cmd = exec.CommandContext(ctx, path)
		cmd.Args, cmd.Env, cmd.Dir = args, p.spec.Env, p.spec.Dir
		cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errOut
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if user := p.spec.User; user.UID != 0 || user.GID != 0 {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(user.UID), Gid: uint32(user.GID)}
		}
		started <- cmd.Start()
	}()
	if err := <-started; err != nil {
		return 0, fmt.Errorf("exec %q in container: %w", args, err)
	}
	_ = cmd.Wait() // the exit code says it
	if ctx.Err() != nil {
		return 0, fmt.Errorf("exec %q in container: %w", args, ctx.Err())
	}
	return cmd.ProcessState.ExitCode(), nil
}

// enter moves the calling thread into the container's namespaces; children forked from it are in
// the container.
func (p *Process) enter() error {
	kinds := []struct {
		name string
		flag int
	}{{"pid", unix.CLONE_NEWPID}, {"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"net", unix.CLONE_NEWNET}, {"mnt", unix.CLONE_NEWNS}}
	files := make([]*os.File, len(kinds))
	for i, kind := range kinds { // all opened first: after the mount namespace /proc is another
		file, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", p.Pid(), kind.name))
		if err != nil {
			return err
		}
		defer file.Close()
		files[i] = file
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // a mount namespace is refused to threads that share a root
		return fmt.Errorf("unshare root: %w", err)
	}
	for i, kind := range kinds {
		if err := unix.Setns(int(files[i].Fd()), kind.flag); err != nil {
			return fmt.Errorf("enter %s namespace: %w", kind.name, err)
		}
	}
	return nil
}
