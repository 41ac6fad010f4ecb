package local

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/page/person"
)

// follower keeps a board as the API server has the runs.
type follower struct {
	ready chan struct{}

	mu   sync.Mutex
	last error
	at   time.Time
}

// troubleTime is how long a problem with a watch is told after it was there last: one that is there still
// comes again.
const troubleTime = time.Minute

func (f *follower) trouble() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil || time.Since(f.at) > troubleTime {
		return ""
	}
	return f.last.Error()
}

// settleTime is how long the address is kept back until the runs are there; after that the page says itself
// that it waits.
const settleTime = 5 * time.Second

func (f *follower) settle(ctx context.Context) {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-f.ready:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// follow lists the runs once, so that whoever may not is told so at once, and watches them from then on.
func follow(ctx context.Context, config *rest.Config, namespace string, board *page.Board) (*follower, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	resource := v1alpha1.GroupVersion.WithResource("canaryruns")
	if _, err := client.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
		return nil, err //nolint:wrapcheck // the command adds the remedy
	}
	f := &follower{ready: make(chan struct{})}
	informer := dynamicinformer.NewFilteredDynamicInformer(client, resource, namespace, 0, cache.Indexers{}, nil).Informer()
	if err := informer.SetTransform(slim); err != nil {
		return nil, fmt.Errorf("set up the watch: %w", err)
	}
	if err := informer.SetWatchErrorHandler(func(_ *cache.Reflector, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.last, f.at = err, time.Now()
	}); err != nil {
		return nil, fmt.Errorf("set up the watch: %w", err)
	}
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { put(board, object) },
		UpdateFunc: func(_, object any) { f.good(); put(board, object) },
		DeleteFunc: func(object any) { remove(board, object) },
	})
	if err != nil {
		return nil, fmt.Errorf("set up the watch: %w", err)
	}
	go informer.RunWithContext(ctx)
	go func() {
		if cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			close(f.ready)
		}
	}()
	return f, nil
}

// good forgets a problem: something has come since.
func (f *follower) good() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = nil
}

// slim leaves out what the page does not show.
func slim(object any) (any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		u.SetManagedFields(nil)
	}
	return object, nil
}

func put(board *page.Board, object any) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	if run, err := person.Typed(u); err == nil { // one that cannot be read is none
		board.Put(run)
	}
}

func remove(board *page.Board, object any) {
	if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	if u, ok := object.(*unstructured.Unstructured); ok {
		board.Remove(u.GetNamespace(), u.GetName())
	}
}
