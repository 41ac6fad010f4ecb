// Package supervisor runs a cluster from inside its namespaces. It is two processes. The first is
// process 1 of the cluster's process-id namespace: it only starts the second and collects orphans;
// when it ends, for whatever reason, the kernel ends everything else, and that is what cleaning up
// rests on. The second starts the control plane and the node agent, and serves the control socket.
package supervisor

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"holdfast.dev/holdfast/test/cluster/control"
)

// moreHeap has the control plane, whose heaps are small here, collect garbage less often: that is a fifth of
// what its API server does, and processors are what tests wait for. Pods have an environment of their own.
const moreHeap = "GOGC=300"

// Init is process 1. It never returns.
func Init(dir string) {
	files := []uintptr{0, 1, 2}
	for fd := control.ProgressFD; fd <= control.ParentFD; fd++ {
		files = append(files, uintptr(fd))
	}
	env := append(os.Environ(), moreHeap)
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"testcluster", control.SupervisorArg, dir}, &syscall.ProcAttr{Env: env, Files: files})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start supervisor:", err)
		os.Exit(1)
	}
	for fd := control.ProgressFD; fd <= control.ParentFD; fd++ {
		if fd != control.LockFD { // the lock is held until the very end
			syscall.Close(fd)
		}
	}
	passOn := make(chan os.Signal, 1)
	signal.Notify(passOn, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for sig := range passOn {
			_ = syscall.Kill(pid, sig.(syscall.Signal))
		}
	}()
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || ended == pid && (status.Exited() || status.Signaled()) {
			os.Exit(status.ExitStatus())
		}
	}
}
