package agent

import (
	"context"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/test/cluster/jail"
)

// leastGrace is what a preStop hook leaves the program at least to end by itself, as in the kubelet.
const leastGrace = 2 * time.Second

// stop ends a running container in order: preStop hook, SIGTERM, and SIGKILL when grace is over or
// when the pod's object is gone. It returns when the process has exited.
func (c *container) stop(process *jail.Process, exited <-chan struct{}, grace time.Duration, why string) {
	c.normal(eventKilling, "%s", why)
	deadline := time.Now().Add(grace)
	killNow, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	go func() {
		select {
		case <-c.pod.vanished:
			cancel()
		case <-exited:
			cancel()
		case <-killNow.Done():
		}
	}()
	if hook := c.spec.Lifecycle; hook != nil && hook.PreStop != nil {
		if err := c.runHook(killNow, process, hook.PreStop); err != nil && killNow.Err() == nil {
			c.warning(eventPreStop, "PreStopHook failed: %v", err)
		}
	}
	_ = process.Signal(syscall.SIGTERM)
	select {
	case <-c.pod.vanished:
	case <-exited:
	case <-time.After(max(time.Until(deadline), min(grace, leastGrace))):
	}
	process.Kill()
	<-exited
}

// runHook does what a lifecycle hook asks, within ctx.
func (c *container) runHook(ctx context.Context, process *jail.Process, hook *v1.LifecycleHandler) error {
	if hook.Sleep != nil {
		pause(ctx, time.Duration(hook.Sleep.Seconds)*time.Second)
		return nil
	}
	return attempt(ctx, c, process, v1.ProbeHandler{Exec: hook.Exec, HTTPGet: hook.HTTPGet, TCPSocket: hook.TCPSocket})
}

// ownGrace is the pod's own termination grace period.
func (p *pod) ownGrace() time.Duration {
	if seconds := p.latest().Spec.TerminationGracePeriodSeconds; seconds != nil {
		return time.Duration(*seconds) * time.Second
	}
	return 30 * time.Second
}

// grace is the grace period of the deletion, which may be shorter or longer.
func (p *pod) grace() time.Duration {
	if seconds := p.latest().DeletionGracePeriodSeconds; seconds != nil {
		return time.Duration(*seconds) * time.Second
	}
	return p.ownGrace()
}

// remove deletes the object for good, now that nothing of the pod runs any more. The UID guards a
// successor of the same name.
func (p *pod) remove(ctx context.Context) {
	defer p.agent.forget(p)
	options := metav1.NewDeleteOptions(0)
	options.Preconditions = metav1.NewUIDPreconditions(string(p.uid))
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		select {
		case <-p.vanished:
			return
		default:
		}
		err := p.agent.Client.CoreV1().Pods(p.namespace).Delete(ctx, p.name, *options)
		if err == nil || isGone(err) {
			return
		}
		p.log.Warn("pod not deleted yet", "error", err)
		if !pause(ctx, wait) {
			return
		}
	}
}

// forget drops a worker that is done.
func (a *Agent) forget(p *pod) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pods[p.uid] == p {
		delete(a.pods, p.uid)
	}
}
