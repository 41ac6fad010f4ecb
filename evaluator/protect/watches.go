package protect

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/workload"
)

// SetupWithManager adds the controller to a manager. A namespace is looked at when a Deployment of it changes
// of which an update is held or was rejected, or any that it has where it has protected ConfigMaps; when its
// plans change, or it does itself; and all are looked for when a term begins.
func SetupWithManager(mgr ctrl.Manager, o Options) error {
	p := newProtector(o)
	o.Leadership.OnBegin(func(context.Context) { p.beginTerm() })
	plans := &metav1.PartialObjectMetadata{}
	plans.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryPlan"))
	own := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		return []reconcile.Request{request(o.GetNamespace())}
	})
	err := ctrl.NewControllerManagedBy(mgr).Named("protection").
		Watches(newDeployment(), handler.EnqueueRequestsFromMapFunc(p.namespaceOfDeployment)).
		Watches(plans, own).
		Watches(&v1alpha1.CanaryPolicy{}, handler.EnqueueRequestsFromMapFunc(p.namespacesOfPolicy), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(namespaceKind(), handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			return []reconcile.Request{request(o.GetName())}
		})).
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
			p.wake = func(namespace string) { queue.Add(request(namespace)) }
			return nil
		})).
		WatchesRawSource(o.Leadership.Source(p.atBegin)).
		WithOptions(o.Controller).
		Complete(o.Leadership.Only(reconcile.Func(p.reconcile)))
	if err != nil {
		return fmt.Errorf("controller of protection: %w", err)
	}
	return nil
}

func newDeployment() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(workload.DeploymentKind)
	return u
}

// namespaceOfDeployment is also asked about what a Deployment was before it changed.
func (p *protector) namespaceOfDeployment(_ context.Context, d client.Object) []reconcile.Request {
	if !concerns(d) && !p.isKnown(d.GetNamespace()) {
		return nil
	}
	return []reconcile.Request{request(d.GetNamespace())}
}

func (p *protector) namespacesOfPolicy(ctx context.Context, _ client.Object) []reconcile.Request {
	return p.namespaces(ctx)
}

// atBegin are the namespaces that are known to need a look, and a search for others.
func (p *protector) atBegin(ctx context.Context) []reconcile.Request {
	return append(p.namespaces(ctx), search)
}

// search is the request to look for namespaces that have protected ConfigMaps.
var search = ctrl.Request{}

// namespaces are those with protected ConfigMaps, and those with Deployments that may need some.
func (p *protector) namespaces(ctx context.Context) []reconcile.Request {
	found := map[string]bool{}
	p.mu.Lock()
	for namespace := range p.known {
		found[namespace] = true
	}
	p.mu.Unlock()
	deployments, err := p.cachedDeployments(ctx, metav1.NamespaceAll)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list Deployments")
	}
	for i := range deployments {
		if concerns(&deployments[i]) {
			found[deployments[i].GetNamespace()] = true
		}
	}
	var out []reconcile.Request
	for namespace := range found {
		out = append(out, request(namespace))
	}
	return out
}

// cachedDeployments are those of a namespace, or of all, not to be changed.
func (p *protector) cachedDeployments(ctx context.Context, namespace string) ([]unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(workload.DeploymentKind.GroupVersion().WithKind("DeploymentList"))
	if err := p.Cached.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Deployments: %w", err)
	}
	return list.Items, nil
}
