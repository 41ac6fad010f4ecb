package page

import (
	"fmt"

	"k8s.io/client-go/tools/cache"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Informer is what tells of runs: those of controller-runtime and of client-go do.
type Informer interface {
	AddEventHandler(cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error)
}

// Follow has a board be as an informer of CanaryRuns says, and returns what says whether it is.
func (b *Board) Follow(informer Informer) (synced func() bool, err error) {
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { b.put(object) },
		UpdateFunc: func(_, object any) { b.put(object) },
		DeleteFunc: func(object any) {
			if unknown, is := object.(cache.DeletedFinalStateUnknown); is {
				object = unknown.Obj
			}
			if run, is := object.(*v1alpha1.CanaryRun); is {
				b.Remove(run.Namespace, run.Name)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("follow the runs: %w", err)
	}
	return registration.HasSynced, nil
}

func (b *Board) put(object any) {
	if run, is := object.(*v1alpha1.CanaryRun); is {
		b.Put(run)
	}
}
