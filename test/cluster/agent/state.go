package agent

import (
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"

	"holdfast.dev/holdfast/test/cluster/jail"
)

// Reasons of container states, as the kubelet and containerd write them.
const (
	reasonCreating        = "ContainerCreating"
	reasonInitializing    = "PodInitializing"
	reasonConfigError     = "CreateContainerConfigError"
	reasonErrImagePull    = "ErrImagePull"
	reasonImagePullOff    = "ImagePullBackOff"
	reasonCrashLoop       = "CrashLoopBackOff"
	reasonCompleted       = "Completed"
	reasonError           = "Error"
	reasonStartError      = "StartError"
	startErrorCode        = 128
	containerIDPrefix     = "holdfast-test://"
	terminationMessageMax = 4096
)

// setWaiting keeps the end of an earlier run as the last state.
func (c *container) setWaiting(reason, message string) {
	c.change(func(status *v1.ContainerStatus) {
		if ended := status.State.Terminated; ended != nil {
			status.LastTerminationState = v1.ContainerState{Terminated: ended}
		}
		status.State = v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: reason, Message: message}}
	})
}

// setRunning begins a run; it counts as a restart if there was one before.
func (c *container) setRunning(process *jail.Process, imageID string) {
	c.change(func(status *v1.ContainerStatus) {
		if ended := status.State.Terminated; ended != nil {
			status.LastTerminationState = v1.ContainerState{Terminated: ended}
		}
		if status.LastTerminationState.Terminated != nil {
			status.RestartCount++
		}
		status.State = v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: metav1.Now()}}
		status.ContainerID = containerIDPrefix + string(uuid.NewUUID())
		status.ImageID = imageID
		c.process = process
	})
}

func (c *container) setTerminated(code int, reason, message string, began time.Time) {
	c.change(func(status *v1.ContainerStatus) {
		if ended := status.State.Terminated; ended != nil { // it never ran in between
			status.LastTerminationState = v1.ContainerState{Terminated: ended}
			status.RestartCount++
		}
		ended := terminated(code, reason, message, status.ContainerID, began)
		status.State = v1.ContainerState{Terminated: ended}
		status.Started, status.Ready = new(bool), c.kind == initContainer && code == 0
		c.process = nil
	})
}

// setStarted says that the startup probe, if there is one, has passed.
func (c *container) setStarted() {
	c.change(func(status *v1.ContainerStatus) {
		if *status.Started {
			return
		}
		yes := true
		status.Started = &yes
		select {
		case <-c.hasStarted:
		default:
			close(c.hasStarted)
		}
	})
}

func (c *container) setReady(ready bool) {
	c.change(func(status *v1.ContainerStatus) { status.Ready = ready && status.State.Running != nil })
}

// change is the only way to write a container's state, so that every change is reported.
func (c *container) change(how func(*v1.ContainerStatus)) {
	c.pod.mu.Lock()
	how(&c.status)
	c.pod.mu.Unlock()
	wake(c.pod.changed)
}
