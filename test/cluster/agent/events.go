package agent

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/reference"
)

// Reasons of the events that a kubelet sends for pods.
const (
	eventPulling     = "Pulling"
	eventPulled      = "Pulled"
	eventCreated     = "Created"
	eventStarted     = "Started"
	eventKilling     = "Killing"
	eventFailed      = "Failed"
	eventBackOff     = "BackOff"
	eventUnhealthy   = "Unhealthy"
	eventFailedMount = "FailedMount"
	eventFailedSetup = "FailedCreatePodSandBox"
	eventPreStop     = "FailedPreStopHook"
)

func newRecorder(client kubernetes.Interface) record.EventRecorder {
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedv1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return broadcaster.NewRecorder(scheme.Scheme, v1.EventSource{Component: "kubelet"})
}

// warning sends an event about the whole pod.
func (p *pod) warning(reason, format string, args ...any) {
	p.agent.events.Eventf(p.latest(), v1.EventTypeWarning, reason, format, args...)
}

// normal and warning send an event that names the container too.
func (c *container) normal(reason, format string, args ...any) {
	c.pod.agent.events.Eventf(c.reference(), v1.EventTypeNormal, reason, format, args...)
}

func (c *container) warning(reason, format string, args ...any) {
	c.pod.agent.events.Eventf(c.reference(), v1.EventTypeWarning, reason, format, args...)
}

func (c *container) reference() *v1.ObjectReference {
	object := c.pod.latest()
	field := "spec.containers{" + c.spec.Name + "}"
	if c.kind != mainContainer {
		field = "spec.initContainers{" + c.spec.Name + "}"
	}
	ref, err := reference.GetPartialReference(scheme.Scheme, object, field)
	if err != nil { // a pod is in the scheme
		panic(err)
	}
	return ref
}
