package stage

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	replicaSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
)

// patience is how long anything may take on a machine that has other things to do.
const patience = 2 * time.Minute

// watcher knows all Deployments and ReplicaSets, as raw objects, without asking for them again and again.
type watcher struct {
	deployments, replicaSets cache.SharedIndexInformer

	mu      sync.Mutex
	changed map[string]chan struct{} // by namespace; closed at the next change
}

// startWatcher watches until ctx ends.
func startWatcher(ctx context.Context, client dynamic.Interface) (*watcher, error) {
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	w := &watcher{
		deployments: factory.ForResource(deployments).Informer(), replicaSets: factory.ForResource(replicaSets).Informer(),
		changed: map[string]chan struct{}{},
	}
	for _, informer := range []cache.SharedIndexInformer{w.deployments, w.replicaSets} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: w.wake, DeleteFunc: w.wake, UpdateFunc: func(_, object any) { w.wake(object) },
		})
		if err != nil {
			return nil, fmt.Errorf("watch Deployments: %w", err)
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return w, ctx.Err()
}

// wake lets those look again who wait for something in the namespace of an object.
func (w *watcher) wake(object any) {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
	if err != nil {
		return
	}
	namespace, _, _ := cache.SplitMetaNamespaceKey(key) // of a key that was just made
	w.mu.Lock()
	defer w.mu.Unlock()
	if waiting := w.changed[namespace]; waiting != nil {
		close(waiting)
		delete(w.changed, namespace)
	}
}

func (w *watcher) next(namespace string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed[namespace] == nil {
		w.changed[namespace] = make(chan struct{})
	}
	return w.changed[namespace]
}

// view is what there is in a namespace.
type view struct {
	deployment  *unstructured.Unstructured // nil if there is none
	replicaSets []*unstructured.Unstructured
}

func (w *watcher) view(namespace, name string) (view, error) {
	var v view
	if object, found, err := w.deployments.GetStore().GetByKey(namespace + "/" + name); err != nil {
		return v, fmt.Errorf("read Deployment: %w", err)
	} else if found {
		v.deployment, _ = object.(*unstructured.Unstructured)
	}
	sets, err := w.replicaSets.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	if err != nil {
		return v, fmt.Errorf("list ReplicaSets: %w", err)
	}
	for _, object := range sets {
		if set, ok := object.(*unstructured.Unstructured); ok {
			v.replicaSets = append(v.replicaSets, set)
		}
	}
	return v, nil
}

// await waits until nothing is left to wait for, and returns what is there then, or what was still missing.
func (w *watcher) await(ctx context.Context, namespace, name string, missing func(view) string) (view, string, error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		changed := w.next(namespace)
		v, err := w.view(namespace, name)
		if err != nil {
			return v, "", err
		}
		what := missing(v)
		if what == "" {
			return v, "", nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, "", ctx.Err()
		case <-deadline.C:
			return v, what, nil
		}
	}
}

// atLeast says whether an object is as new as a version. The versions of one resource are numbers that grow.
func atLeast(object metav1.Object, version string) bool {
	have, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	if err != nil {
		return false
	}
	want, err := strconv.ParseUint(version, 10, 64)
	return err == nil && have >= want
}
