package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast.dev/holdfast/test/cluster/control"
)

// supervisor is the running cluster.
type supervisor struct {
	control.State
	log        *slog.Logger
	progress   *progress
	components *components
	controlPod func(control.PodRequest) error
	// end is called to end the cluster.
	end context.CancelFunc
}

// Main is the second process: it starts the cluster described in dir, and returns when it has ended.
func Main(dir string) error {
	for fd := control.ProgressFD; fd <= control.ParentFD; fd++ {
		unix.CloseOnExec(fd)
	}
	state, err := control.Load(dir)
	if err != nil {
		return err
	}
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer end()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	s := &supervisor{State: state, log: log, progress: newProgress(), end: end}
	s.components = newComponents(state, log)
	s.controlPod = func(control.PodRequest) error { return errors.New("no pods run yet") }
	if state.Attached {
		go s.watchParent()
	}
	defer s.cleanUp()
	if err := s.start(ctx); err != nil {
		s.progress.fail(err)
		return err
	}
	s.progress.ready()
	<-ctx.Done()
	return nil
}

// watchParent ends the cluster when the process that started it has gone: nobody else holds the
// pipe's other end.
func (s *supervisor) watchParent() {
	parent := os.NewFile(control.ParentFD, "parent")
	_, _ = parent.Read(make([]byte, 1))
	s.log.Info("the process that started this cluster is gone")
	s.end()
}

// cleanUp ends every process of the cluster at once; there is nothing worth saving. An attached
// cluster leaves no folder behind either: whoever would remove it may be dead.
func (s *supervisor) cleanUp() {
	_ = unix.Kill(-1, unix.SIGKILL) // all but process 1 and this one
	if !s.Attached {
		return
	}
	_ = unix.Unmount(podsDir(s.State), unix.MNT_DETACH)
	for range 100 {
		if os.RemoveAll(s.Dir) == nil { // it fails while a dying process still writes there
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// start brings everything up, in parallel where nothing depends on the other.
func (s *supervisor) start(ctx context.Context) error {
	if err := enterNamespaces(s.State); err != nil {
		return err
	}
	if err := s.makeCredentials(); err != nil {
		return err
	}
	if err := writePrometheusConfig(s.State); err != nil {
		return err
	}
	if err := s.serveControl(); err != nil {
		return err
	}
	s.relayPorts(ctx)
	client, err := s.client()
	if err != nil {
		return err
	}
	s.progress.step("etcd and kube-apiserver")
	if err := s.components.start(etcd, apiserver); err != nil {
		return err
	}
	if err := s.awaitAPIServer(ctx, client); err != nil {
		return err
	}
	s.progress.step("kube-controller-manager, kube-scheduler, prometheus and nodes")
	if err := s.components.start(controllerManager, scheduler, prometheus); err != nil {
		return err
	}
	if err := bootstrap(ctx, client); err != nil {
		return err
	}
	if err := s.runAgent(ctx, client); err != nil {
		return err
	}
	if err := s.awaitCluster(ctx, client); err != nil {
		return fmt.Errorf("%w\n%s", err, s.components.report())
	}
	return nil
}
