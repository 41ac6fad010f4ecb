package evaluatortest

import (
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ErrCut is the error of a write that is made to fail.
var ErrCut = errors.New("connection cut")

// Faults are what a cluster refuses and what breaks in it: nothing, if all are zero.
type Faults struct {
	// FailAt is the number of the write that fails, from 1; 0 is none. With
	// Lost set the write is made, and only its answer is lost.
	FailAt int
	Lost   bool
	// WebhookDown keeps the webhook from releasing.
	WebhookDown bool
	// Reject is the answer of the API server to a release, if not nil.
	Reject error
	// Full is the answer of the API server to what is to be made, if not nil.
	Full error
	// RefusePods and RefuseScale are the answers to changes of pods and of ReplicaSets, if not nil.
	RefusePods, RefuseScale error
	// Admit is what admission makes of a pod, if not nil.
	Admit func(*corev1.Pod) error
	// Sick keeps the pods of canaries from getting Ready.
	Sick bool
}

// refusal is the answer to the patch of an object, nil where it is made.
func (f *Faults) refusal(o client.Object, release bool) error {
	switch o.(type) {
	case *corev1.Pod:
		if f.RefusePods != nil {
			return f.RefusePods
		}
	case *appsv1.ReplicaSet:
		if f.RefuseScale != nil {
			return f.RefuseScale
		}
	}
	if release {
		return f.Reject
	}
	return nil
}
