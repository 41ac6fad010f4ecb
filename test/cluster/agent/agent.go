// Package agent is the kubelet of the test cluster. It keeps Node objects Ready and runs the pods
// bound to them as local processes in containers of their own (package jail) on a network of their
// own (package network), from programs in a folder instead of images from a registry. Towards the
// API server it behaves as a kubelet does: status, events, probes, restarts with back-off, volumes,
// termination, logs.
package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"holdfast.dev/holdfast/test/cluster/jail"
	"holdfast.dev/holdfast/test/cluster/network"
)

// Config is what an agent needs.
type Config struct {
	Client kubernetes.Interface
	// Nodes are the names of the Nodes to be; the n-th (from 1) has network.NodeAddress(n).
	Nodes []string
	// Images is the folder of programs: `holdfast.test/app:any` runs the file `app` in it.
	Images string
	// Dir is an empty folder for what pods mount, best on a file system in memory.
	Dir string
	// Logs gets the output of every container and is kept when the pod is gone.
	Logs string
	// Backoff is the wait between the restarts of a container that keeps ending.
	Backoff Backoff
	// Serving secures the endpoint for `kubectl logs`, exec and port-forward.
	Serving Serving
	Log     *slog.Logger
}

// Agent runs the pods of its nodes.
type Agent struct {
	Config
	images     images
	events     record.EventRecorder
	secrets    corelisters.SecretLister
	configMaps corelisters.ConfigMapLister
	nodes      map[string]*node
	// anyUser says whether containers can run as the user they ask for; see jail.Mapped.
	anyUser bool

	mu   sync.Mutex
	pods map[types.UID]*pod
	wait sync.WaitGroup
}

// New makes an agent; Run starts it.
func New(config Config) *Agent {
	a := &Agent{
		Config:  config,
		images:  images{dir: config.Images},
		nodes:   map[string]*node{},
		anyUser: jail.Mapped(),
		pods:    map[types.UID]*pod{},
	}
	for i, name := range config.Nodes {
		a.nodes[name] = &node{name: name, ip: network.NodeAddress(i + 1), addresses: network.NewAddresses(i + 1)}
	}
	return a
}

// Run registers the nodes, calls ready when they are, and runs their pods until ctx ends. It does
// not stop the pods' processes then: they end with the process-id namespace.
func (a *Agent) Run(ctx context.Context, ready func()) error {
	a.events = newRecorder(a.Client)
	if err := a.serve(ctx); err != nil {
		return err
	}
	if err := a.register(ctx); err != nil {
		return err
	}
	go a.heartbeat(ctx)

	objects := informers.NewSharedInformerFactory(a.Client, 0)
	a.secrets = objects.Core().V1().Secrets().Lister()
	a.configMaps = objects.Core().V1().ConfigMaps().Lister()
	refresh := cache.ResourceEventHandlerFuncs{
		AddFunc:    a.contentChanged,
		UpdateFunc: func(_, object any) { a.contentChanged(object) },
		DeleteFunc: a.contentChanged, // what is optional goes with it
	}
	for _, informer := range []cache.SharedIndexInformer{objects.Core().V1().Secrets().Informer(), objects.Core().V1().ConfigMaps().Informer()} {
		if _, err := informer.AddEventHandler(refresh); err != nil {
			return fmt.Errorf("watch contents of volumes: %w", err)
		}
	}
	objects.Start(ctx.Done())
	objects.WaitForCacheSync(ctx.Done())
	ready()
	return a.watchPods(ctx)
}

// watchPods follows the pods that the scheduler has bound, until ctx ends.
func (a *Agent) watchPods(ctx context.Context) error {
	bound := cache.NewListWatchFromClient(a.Client.CoreV1().RESTClient(), "pods", v1.NamespaceAll, fields.OneTermNotEqualSelector("spec.nodeName", ""))
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: bound,
		ObjectType:    &v1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { a.sync(ctx, object.(*v1.Pod)) },
			UpdateFunc: func(_, object any) { a.sync(ctx, object.(*v1.Pod)) },
			DeleteFunc: func(object any) {
				if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
					object = tombstone.Obj
				}
				a.vanished(object.(*v1.Pod))
			},
		},
	})
	informer.RunWithContext(ctx)
	a.wait.Wait()
	return nil
}

// sync starts a worker for a pod that is new here and tells the one that runs it of any change.
func (a *Agent) sync(ctx context.Context, object *v1.Pod) {
	node, ours := a.nodes[object.Spec.NodeName]
	if !ours {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	worker, found := a.pods[object.UID]
	if !found {
		worker = newPod(a, node, object)
		a.pods[object.UID] = worker
		a.wait.Go(func() { worker.run(ctx) })
	}
	worker.update(object)
}

// vanished ends a pod whose object is gone without having asked us: a forced deletion.
func (a *Agent) vanished(object *v1.Pod) {
	a.mu.Lock()
	worker := a.pods[object.UID]
	delete(a.pods, object.UID)
	a.mu.Unlock()
	if worker != nil {
		worker.vanish()
	}
}

// contentChanged has the pods of the object's namespace look at their volumes again.
func (a *Agent) contentChanged(object any) {
	meta, ok := object.(interface{ GetNamespace() string })
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, worker := range a.pods {
		if worker.namespace == meta.GetNamespace() {
			wake(worker.contents)
		}
	}
}

// find returns the running pod of that name.
func (a *Agent) find(namespace, name string) (*pod, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, worker := range a.pods {
		if worker.namespace == namespace && worker.name == name {
			return worker, nil
		}
	}
	return nil, fmt.Errorf("pod %s/%s does not run on this machine", namespace, name)
}

// wake leaves a note in a channel of one place; one note is as good as many.
func wake(note chan struct{}) {
	select {
	case note <- struct{}{}:
	default:
	}
}

// pause waits, and says false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
