package deployments

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/leadership"
)

// Setup adds the controller of Deployments to a manager: a Deployment is looked at when its spec or
// annotations change, when its status misleads tools, and when its runs come, end or go, its plan, a policy
// or its namespace changes. All are looked at when a term begins.
func (r *Reconciler) Setup(mgr ctrl.Manager, leader *leadership.Elector, options controller.Options) error {
	changed := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{},
		predicate.NewPredicateFuncs(func(o client.Object) bool {
			u, ok := o.(*unstructured.Unstructured)
			return ok && misleadsTools(objects.Deployment{Unstructured: u})
		}))
	return ctrl.NewControllerManagedBy(mgr).Named("deployments").
		For(objects.NewDeployment(), builder.WithPredicates(changed)).
		Watches(&v1alpha1.CanaryRun{}, handler.EnqueueRequestsFromMapFunc(deploymentOfRun), builder.WithPredicates(runCameOrEnded)).
		Watches(objects.NewPlan(), handler.EnqueueRequestsFromMapFunc(r.deploymentsOfPlan)).
		Watches(&v1alpha1.CanaryPolicy{}, handler.EnqueueRequestsFromMapFunc(r.deploymentsOfPolicy), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(objects.NewNamespace(), handler.EnqueueRequestsFromMapFunc(r.deploymentsOfNamespace)).
		WatchesRawSource(leader.Source(r.allDeployments)).
		WithOptions(options).
		Complete(leader.Only(reconcile.Func(r.Reconcile)))
}

// runCameOrEnded leaves out the changes of a run under way: there is one at each
// measurement.
var runCameOrEnded = predicate.Funcs{
	UpdateFunc: func(u event.UpdateEvent) bool {
		before, ok1 := u.ObjectOld.(*v1alpha1.CanaryRun)
		after, ok2 := u.ObjectNew.(*v1alpha1.CanaryRun)
		return !ok1 || !ok2 || before.Status.Phase.Ended() != after.Status.Phase.Ended()
	},
}

func deploymentOfRun(_ context.Context, o client.Object) []reconcile.Request {
	run, ok := o.(*v1alpha1.CanaryRun)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: run.Namespace, Name: run.Spec.Deployment}}}
}

func (r *Reconciler) deploymentsOfPlan(ctx context.Context, o client.Object) []reconcile.Request {
	return r.deploymentsIn(ctx, o.GetNamespace(), func(d client.Object) bool {
		u, ok := d.(*unstructured.Unstructured)
		if !ok {
			return false
		}
		_, held, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "annotations", v1alpha1.HeldAnnotation)
		return held
	})
}

func (r *Reconciler) deploymentsOfNamespace(ctx context.Context, o client.Object) []reconcile.Request {
	return r.deploymentsIn(ctx, o.GetName(), func(client.Object) bool { return true })
}

// deploymentsOfPolicy are all that hold an update: it may have waited for a plan
// that the policy offers, or for the policy to be mended.
func (r *Reconciler) deploymentsOfPolicy(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.deploymentsIn(ctx, metav1.NamespaceAll, func(d client.Object) bool {
		return d.GetAnnotations()[v1alpha1.HeldAnnotation] != ""
	})
}

func (r *Reconciler) allDeployments(ctx context.Context) []reconcile.Request {
	return r.deploymentsIn(ctx, metav1.NamespaceAll, func(client.Object) bool { return true })
}

func (r *Reconciler) deploymentsIn(ctx context.Context, namespace string, wanted func(client.Object) bool) []reconcile.Request {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("DeploymentList"))
	if err := r.Objects.Cached.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list the Deployments of a namespace", "namespace", namespace)
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if wanted(&list.Items[i]) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return out
}
