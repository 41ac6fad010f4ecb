package agent

import (
	"context"
	"testing"
)

// A sidecar runs on when the pod is to end, until it is ended itself; whoever ends it waits until it has.
func TestASidecarOutlivesWhatItServes(t *testing.T) {
	alive, endPod := context.WithCancel(t.Context())
	started, ended := make(chan struct{}), false
	end := serve(alive, func(serving context.Context) {
		close(started)
		<-serving.Done()
		ended = true
	})
	<-started
	endPod()
	if ended {
		t.Error("it ends with the pod")
	}
	end()
	if !ended {
		t.Error("it is not waited for")
	}
}
