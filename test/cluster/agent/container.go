package agent

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/test/cluster/jail"
)

// containerKind is the part a container plays in its pod.
type containerKind int

const (
	mainContainer containerKind = iota
	// initContainer runs to its end before the next begins.
	initContainer
	// sidecarContainer is an init container with restartPolicy Always: it starts in its turn and then stays.
	sidecarContainer
)

// container runs one container of a pod, again and again if its policy says so.
type container struct {
	pod  *pod
	spec v1.Container
	kind containerKind

	// Guarded by pod.mu.
	status  v1.ContainerStatus
	process *jail.Process
	output  *outputLog
	earlier *outputLog
	// hasStarted is closed when the container has first been started, by the word of its startup probe.
	hasStarted chan struct{}
}

func newContainer(p *pod, spec v1.Container, kind containerKind) *container {
	return &container{
		pod: p, spec: spec, kind: kind,
		hasStarted: make(chan struct{}),
		status: v1.ContainerStatus{
			Name: spec.Name, Image: spec.Image, Started: new(bool),
			State: v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: reasonCreating}},
		},
	}
}

// run returns when the container has ended for good: its policy says so, or alive ended and it was stopped.
func (c *container) run(alive context.Context) {
	backoff := backoffState{Backoff: c.pod.agent.Backoff}
	for {
		began := time.Now()
		if !c.runOnce(alive) || alive.Err() != nil || !c.restarts() {
			return
		}
		wait := backoff.restart(time.Since(began))
		if wait > 0 {
			c.crashLoop(wait)
		}
		if !pause(alive, wait) {
			return
		}
	}
}

// runOnce starts the container and returns when it has ended; false if it was never even tried.
func (c *container) runOnce(alive context.Context) bool {
	process, err := c.start(alive)
	if alive.Err() != nil && process == nil {
		return false
	}
	if err != nil {
		c.warning(eventFailed, "Error: %v", err)
		c.setTerminated(startErrorCode, reasonStartError, err.Error(), time.Now())
		return true
	}
	began := time.Now()
	exited := make(chan struct{})
	var code int
	go func() { code = process.Wait(); close(exited) }()

	probing, stopProbing := context.WithCancel(context.WithoutCancel(alive))
	defer stopProbing()
	unhealthy := c.watchHealth(probing, process)
	select {
	case <-exited:
	case why := <-unhealthy:
		c.stop(process, exited, c.pod.ownGrace(), why)
	case <-alive.Done():
		c.stop(process, exited, c.pod.grace(), "Stopping container "+c.spec.Name)
	}
	<-exited
	stopProbing()
	c.output.awaitEnd()
	reason := reasonCompleted
	if code != 0 {
		reason = reasonError
	}
	c.setTerminated(code, reason, c.terminationMessage(code), began)
	return true
}

// restarts says whether the container's policy wants it again after the end it has just come to.
func (c *container) restarts() bool {
	policy := c.pod.latest().Spec.RestartPolicy
	switch {
	case c.kind == sidecarContainer:
		return true
	case policy == v1.RestartPolicyNever:
		return false
	case policy == v1.RestartPolicyOnFailure, c.kind == initContainer:
		return !c.succeeded()
	default:
		return true
	}
}

// succeeded says whether the container's last run ended with code 0.
func (c *container) succeeded() bool {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	ended := c.status.State.Terminated
	return ended != nil && ended.ExitCode == 0
}

func (c *container) awaitStarted(alive context.Context) bool {
	select {
	case <-alive.Done():
		return false
	case <-c.hasStarted:
		return true
	}
}

// crashLoop puts the end of the last run behind and says that the next must wait.
func (c *container) crashLoop(wait time.Duration) {
	p := c.pod
	message := fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", wait, c.spec.Name, p.name, p.namespace, p.uid)
	c.setWaiting(reasonCrashLoop, message)
	c.warning(eventBackOff, "Back-off restarting failed container %s in pod %s_%s(%s)", c.spec.Name, p.name, p.namespace, p.uid)
}

// terminated is the record of an end, in the words of the API.
func terminated(code int, reason, message, id string, began time.Time) *v1.ContainerStateTerminated {
	return &v1.ContainerStateTerminated{
		ExitCode: int32(code), Reason: reason, Message: message, ContainerID: id,
		StartedAt: metav1.NewTime(began), FinishedAt: metav1.Now(),
	}
}
