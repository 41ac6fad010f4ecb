// Package argocd keeps namespaces as Argo CD's application controller does: with
// its own engine's cluster cache, diff, sync and health.
package argocd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// trackingID is the annotation by which Argo CD knows its own objects.
const trackingID = "argocd.argoproj.io/tracking-id"

// Engine is what all Applications of a cluster share: the cache of what lives there.
type Engine struct {
	config  *rest.Config
	log     logr.Logger
	kubectl *kube.KubectlCmd
	cache   cache.ClusterCache
	direct  dynamic.Interface

	mu sync.Mutex
	// moved is closed, and made anew, whenever the cache has taken in a change.
	moved chan struct{}
}

// Start fills the cache and keeps it true until Stop.
func Start(config *rest.Config) (*Engine, error) {
	direct, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for Argo CD: %w", err)
	}
	log := logr.Discard()
	e := &Engine{
		config:  config,
		log:     log,
		kubectl: &kube.KubectlCmd{Log: log, Tracer: tracing.NopTracer{}},
		direct:  direct,
		moved:   make(chan struct{}),
	}
	e.cache = cache.NewClusterCache(config,
		cache.SetKubectl(e.kubectl), cache.SetLogr(log),
		cache.SetSettings(cache.Settings{ResourcesFilter: onlyShops{}}),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			return appOf(object), appOf(object) != ""
		}))
	e.cache.OnResourceUpdated(func(*cache.Resource, *cache.Resource, map[kube.ResourceKey]*cache.Resource) { e.announce() })
	if err := e.cache.EnsureSynced(); err != nil {
		return nil, fmt.Errorf("fill Argo CD's cluster cache: %w", err)
	}
	return e, nil
}

// Stop ends the watches.
func (e *Engine) Stop() { e.cache.Invalidate() }

// onlyShops keeps the cache small: what the scenarios apply, and no more.
type onlyShops struct{}

// IsExcludedResource implements kube.ResourceFilter.
func (onlyShops) IsExcludedResource(group, kind, _ string) bool {
	return kind != "Service" && (group != "apps" || kind != "Deployment")
}

// appOf is the name of the Application that an object belongs to, "" if to none.
func appOf(object *unstructured.Unstructured) string {
	app, _, _ := strings.Cut(object.GetAnnotations()[trackingID], ":")
	return app
}

func (e *Engine) announce() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.moved)
	e.moved = make(chan struct{})
}

// change is closed at the next change of the cache.
func (e *Engine) change() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.moved
}

// catchUp waits until the cache has seen objects as they are in the API server
// now, so that what a round says does not depend on how fast the watch is.
func (e *Engine) catchUp(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		live, err := e.get(ctx, object)
		if err != nil {
			return err
		}
		for {
			change := e.change()
			if e.hasSeen(kube.GetResourceKey(object), live) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for Argo CD's cache to see %s %s: %w", object.GetKind(), object.GetName(), ctx.Err())
			case <-change:
			}
		}
	}
	return nil
}

// hasSeen: the cache has the object as new as live, or not at all if live is nil.
func (e *Engine) hasSeen(key kube.ResourceKey, live *unstructured.Unstructured) bool {
	cached := e.cache.FindResources(key.Namespace, func(r *cache.Resource) bool { return r.ResourceKey() == key })[key]
	if live == nil || cached == nil {
		return (live == nil) == (cached == nil)
	}
	return version(cached.ResourceVersion) >= version(live.GetResourceVersion())
}

// version is a resourceVersion as a number; that they can be compared is part of the API since
// Kubernetes 1.35.
func version(resourceVersion string) uint64 {
	v, err := strconv.ParseUint(resourceVersion, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("resourceVersion %q of the API server is not a number", resourceVersion))
	}
	return v
}

// get returns what is in the API server, nil if there is nothing.
func (e *Engine) get(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	resource := schema.GroupVersionResource{Version: "v1", Resource: "services"}
	if object.GetKind() == kube.DeploymentKind {
		resource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	}
	live, err := e.direct.Resource(resource).Namespace(object.GetNamespace()).Get(ctx, object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
	}
	return live, nil
}
