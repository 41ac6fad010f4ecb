package evaluator

import (
	"context"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// watchDeployments: a Deployment is looked at when its spec or annotations change, when its status
// misleads tools, and when its runs come, end or go, its plan, a policy or its namespace changes. All are
// looked at when a term begins.
func (r *deploymentReconciler) watchDeployments(mgr ctrl.Manager, o Options) error {
	changed := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{},
		predicate.NewPredicateFuncs(func(o client.Object) bool {
			u, ok := o.(*unstructured.Unstructured)
			return ok && deployment{u}.misleadsTools()
		}))
	return ctrl.NewControllerManagedBy(mgr).Named("deployments").
		For(newDeployment(), builder.WithPredicates(changed)).
		Watches(&v1alpha1.CanaryRun{}, handler.EnqueueRequestsFromMapFunc(deploymentOfRun), builder.WithPredicates(runCameOrEnded)).
		Watches(newPlan(), handler.EnqueueRequestsFromMapFunc(r.deploymentsOfPlan)).
		Watches(&v1alpha1.CanaryPolicy{}, handler.EnqueueRequestsFromMapFunc(r.deploymentsOfPolicy), specChanged).
		Watches(newNamespace(), handler.EnqueueRequestsFromMapFunc(r.deploymentsOfNamespace)).
		WatchesRawSource(o.Leadership.Source(r.allDeployments)).
		WithOptions(options(o)).
		WithLogConstructor(logger(mgr, "deployment")).
		Complete(o.Leadership.Only(reconcile.Func(r.reconcileDeployment)))
}

// watchRuns: a run is looked at when it, its pods, its Deployment, its namespace
// the plan it names or a policy changes, when a round of it was measured, and one
// that queues when another's place is free.
func (r *runReconciler) watchRuns(mgr ctrl.Manager, o Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("runs").
		For(&v1alpha1.CanaryRun{}).
		Owns(&appsv1.ReplicaSet{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(runOfPod)).
		Watches(newDeployment(), handler.EnqueueRequestsFromMapFunc(r.runsOfDeployment)).
		Watches(newNamespace(), handler.EnqueueRequestsFromMapFunc(r.runsOfNamespace)).
		Watches(newPlan(), handler.EnqueueRequestsFromMapFunc(r.runsOfPlan)).
		Watches(&v1alpha1.CanaryPolicy{}, handler.EnqueueRequestsFromMapFunc(r.runsOfPolicy), specChanged).
		Watches(&v1alpha1.CanaryRun{}, handler.EnqueueRequestsFromMapFunc(r.queuedRuns), builder.WithPredicates(placeFreed)).
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
			r.wake = func(run types.NamespacedName) { queue.Add(ctrl.Request{NamespacedName: run}) }
			return nil
		})).
		WatchesRawSource(o.Leadership.Source(r.allRuns)).
		WithOptions(options(o)).
		WithLogConstructor(logger(mgr, "run")).
		Complete(o.Leadership.Only(reconcile.Func(r.reconcileRun)))
}

// specChanged leaves out the writes of the status of policies.
var specChanged = builder.WithPredicates(predicate.GenerationChangedPredicate{})

// options fill the caches of every replica, also of those that do not lead, so
// that one that takes over goes on at once. Namespaces take turns at the workers.
func options(o Options) controller.Options {
	return controller.Options{MaxConcurrentReconciles: o.MaxConcurrentReconciles, NeedLeaderElection: new(bool), NewQueue: newWorkQueue}
}

func logger(mgr ctrl.Manager, kind string) func(*reconcile.Request) logr.Logger {
	log := mgr.GetLogger().WithName("evaluator")
	return func(req *reconcile.Request) logr.Logger {
		if req == nil {
			return log
		}
		return log.WithValues("namespace", req.Namespace, kind, req.Name)
	}
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
	return []reconcile.Request{request(run.Namespace, run.Spec.Deployment)}
}

func (r *deploymentReconciler) deploymentsOfPlan(ctx context.Context, o client.Object) []reconcile.Request {
	return r.deploymentsIn(ctx, o.GetNamespace(), func(d client.Object) bool {
		u, ok := d.(*unstructured.Unstructured)
		if !ok {
			return false
		}
		_, held, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "annotations", v1alpha1.HeldAnnotation)
		return held
	})
}

func (r *deploymentReconciler) deploymentsOfNamespace(ctx context.Context, o client.Object) []reconcile.Request {
	return r.deploymentsIn(ctx, o.GetName(), func(client.Object) bool { return true })
}

func (r *deploymentReconciler) allDeployments(ctx context.Context) []reconcile.Request {
	return r.deploymentsIn(ctx, metav1.NamespaceAll, func(client.Object) bool { return true })
}

func (r *deploymentReconciler) deploymentsIn(ctx context.Context, namespace string, wanted func(client.Object) bool) []reconcile.Request {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("DeploymentList"))
	if err := r.objects.cached.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list the Deployments of a namespace", "namespace", namespace)
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if wanted(&list.Items[i]) {
			out = append(out, request(list.Items[i].GetNamespace(), list.Items[i].GetName()))
		}
	}
	return out
}

// runOfPod: names of runs are short enough to be labels as they are.
func runOfPod(_ context.Context, o client.Object) []reconcile.Request {
	if name := o.GetLabels()[v1alpha1.RunLabel]; name != "" {
		return []reconcile.Request{request(o.GetNamespace(), name)}
	}
	return nil
}

func (r *runReconciler) runsOfDeployment(ctx context.Context, o client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(run *v1alpha1.CanaryRun) bool { return run.Spec.Deployment == o.GetName() }, client.InNamespace(o.GetNamespace()))
}

func (r *runReconciler) runsOfNamespace(ctx context.Context, o client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(*v1alpha1.CanaryRun) bool { return true }, client.InNamespace(o.GetName()))
}

func (r *runReconciler) runsOfPlan(ctx context.Context, o client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(run *v1alpha1.CanaryRun) bool { return run.Spec.PlanRef == o.GetName() }, client.InNamespace(o.GetNamespace()))
}

// queuedRuns are all runs that wait for a place, wherever one has become free:
// the limit may be that of the cluster.
func (r *runReconciler) queuedRuns(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(run *v1alpha1.CanaryRun) bool {
		return run.Status.Reason == v1alpha1.ReasonQueued || run.Status.Reason == v1alpha1.ReasonQueuedInCluster
	})
}

// placeFreed leaves out all that takes no run out of the line.
var placeFreed = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(u event.UpdateEvent) bool {
		before, ok1 := u.ObjectOld.(*v1alpha1.CanaryRun)
		after, ok2 := u.ObjectNew.(*v1alpha1.CanaryRun)
		return ok1 && ok2 && (!before.Status.Phase.Ended() && after.Status.Phase.Ended() ||
			before.Status.CreatedAt != nil && after.Status.CreatedAt == nil)
	},
}

func (r *runReconciler) activeRuns(ctx context.Context, wanted func(*v1alpha1.CanaryRun) bool, where ...client.ListOption) []reconcile.Request {
	return r.runsThat(ctx, func(run *v1alpha1.CanaryRun) bool { return !run.Status.Phase.Ended() && wanted(run) }, where...)
}

func (r *runReconciler) allRuns(ctx context.Context) []reconcile.Request {
	return r.runsThat(ctx, func(*v1alpha1.CanaryRun) bool { return true })
}

func (r *runReconciler) runsThat(ctx context.Context, are func(*v1alpha1.CanaryRun) bool, where ...client.ListOption) []reconcile.Request {
	var list v1alpha1.CanaryRunList
	if err := r.objects.cached.List(ctx, &list, append(where, client.UnsafeDisableDeepCopy)...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list runs")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if run := &list.Items[i]; are(run) {
			out = append(out, request(run.Namespace, run.Name))
		}
	}
	return out
}

func request(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}
