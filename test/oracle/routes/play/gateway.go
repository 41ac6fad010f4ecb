package play

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

var httpRoutes = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}

// gateway answers for all routes of the gateway "played" that it takes them as they are, and sends no
// requests.
type gateway struct {
	client dynamic.Interface
	cancel context.CancelFunc
	wait   sync.WaitGroup
	mu     sync.Mutex
	err    error
}

func startGateway(ctx context.Context, config *rest.Config) (*gateway, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	g := &gateway{client: client, cancel: cancel}
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	informer := factory.ForResource(httpRoutes).Informer()
	answer := func(object any) {
		if route, is := object.(*unstructured.Unstructured); is && !answered(route) {
			g.wait.Go(func() { g.answer(ctx, route) })
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: answer, UpdateFunc: func(_, object any) { answer(object) }}); err != nil {
		cancel()
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return g, ctx.Err()
}

func (g *gateway) stop() error {
	g.cancel()
	g.wait.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// answered says whether the gateway has answered for a route as it is.
func answered(route *unstructured.Unstructured) bool {
	parents, _, _ := unstructured.NestedSlice(route.Object, "status", "parents")
	refs, _, _ := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	if len(refs) == 0 {
		return true
	}
	for _, parent := range parents {
		status, _ := parent.(map[string]any)
		conditions, _ := status["conditions"].([]any)
		for _, c := range conditions {
			condition, _ := c.(map[string]any)
			if condition["observedGeneration"] != route.GetGeneration() {
				return false
			}
		}
	}
	return len(parents) > 0
}

func (g *gateway) answer(ctx context.Context, route *unstructured.Unstructured) {
	condition := `{"type":%q,"status":"True","reason":"Accepted","message":"","lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":%d}`
	status := fmt.Sprintf(`{"metadata":{"uid":%q,"resourceVersion":%q},"status":{"parents":[{"controllerName":"example.com/played","parentRef":{"name":"played"},"conditions":[`+condition+`,`+condition+`]}]}}`,
		route.GetUID(), route.GetResourceVersion(), "Accepted", route.GetGeneration(), "ResolvedRefs", route.GetGeneration())
	_, err := g.client.Resource(httpRoutes).Namespace(route.GetNamespace()).Patch(ctx, route.GetName(), types.MergePatchType, []byte(status),
		metav1.PatchOptions{FieldManager: "played"}, "status")
	// Another version of the route, another route of that name, or none, is the next event's: an answer that
	// comes late must not write over a newer one.
	if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && !apierrors.IsInvalid(err) {
		g.mu.Lock()
		g.err = fmt.Errorf("play the gateway of route %s: %w", route.GetNamespace(), err)
		g.mu.Unlock()
	}
}
