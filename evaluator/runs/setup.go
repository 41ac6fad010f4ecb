package runs

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
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
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/leadership"
)

// Setup adds the controller of CanaryRuns to a manager: a run is looked at when it, its pods, its Deployment,
// its namespace the plan it names or a policy changes, when a round of it was measured, and one that queues
// when another's place is free.
func (r *Reconciler) Setup(mgr ctrl.Manager, leader *leadership.Elector, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("runs").
		For(&v1alpha1.CanaryRun{}, builder.WithPredicates(notOnlyMeasured)).
		Owns(&appsv1.ReplicaSet{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(runOfPod)).
		Watches(objects.NewDeployment(), handler.EnqueueRequestsFromMapFunc(r.runsOfDeployment)).
		Watches(objects.NewNamespace(), handler.EnqueueRequestsFromMapFunc(r.runsOfNamespace)).
		Watches(objects.NewPlan(), handler.EnqueueRequestsFromMapFunc(r.runsOfPlan)).
		Watches(&v1alpha1.CanaryPolicy{}, handler.EnqueueRequestsFromMapFunc(r.runsOfPolicy), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.CanaryRun{}, handler.EnqueueRequestsFromMapFunc(r.queuedRuns), builder.WithPredicates(placeFreed)).
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
			r.Wake = func(run types.NamespacedName) { queue.Add(ctrl.Request{NamespacedName: run}) }
			return nil
		})).
		WatchesRawSource(leader.Source(r.allRuns)).
		WithOptions(options).
		Complete(leader.Only(reconcile.Func(r.Reconcile)))
}

// runOfPod: names of runs are short enough to be labels as they are.
func runOfPod(_ context.Context, o client.Object) []reconcile.Request {
	if name := o.GetLabels()[v1alpha1.RunLabel]; name != "" {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
	}
	return nil
}

func (r *Reconciler) runsOfDeployment(ctx context.Context, o client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(*v1alpha1.CanaryRun) bool { return true }, objects.OnDeployment(o.GetNamespace(), o.GetName()))
}

func (r *Reconciler) runsOfNamespace(ctx context.Context, o client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(*v1alpha1.CanaryRun) bool { return true }, client.InNamespace(o.GetName()))
}

func (r *Reconciler) runsOfPlan(ctx context.Context, o client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(run *v1alpha1.CanaryRun) bool { return run.Spec.PlanRef == o.GetName() }, client.InNamespace(o.GetNamespace()))
}

// queuedRuns are all runs that wait for a place, wherever one has become free:
// the limit may be that of the cluster.
func (r *Reconciler) queuedRuns(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(*v1alpha1.CanaryRun) bool { return true }, objects.InQueue())
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

func (r *Reconciler) activeRuns(ctx context.Context, wanted func(*v1alpha1.CanaryRun) bool, where ...client.ListOption) []reconcile.Request {
	return r.runsThat(ctx, func(run *v1alpha1.CanaryRun) bool { return !run.Status.Phase.Ended() && wanted(run) }, where...)
}

func (r *Reconciler) allRuns(ctx context.Context) []reconcile.Request {
	return r.runsThat(ctx, func(*v1alpha1.CanaryRun) bool { return true })
}

func (r *Reconciler) runsThat(ctx context.Context, are func(*v1alpha1.CanaryRun) bool, where ...client.ListOption) []reconcile.Request {
	var list v1alpha1.CanaryRunList
	if err := r.Objects.Cached.List(ctx, &list, append(where, client.UnsafeDisableDeepCopy)...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list runs")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if run := &list.Items[i]; are(run) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(run)})
		}
	}
	return out
}

// runsOfPolicy are those under way.
func (r *Reconciler) runsOfPolicy(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.activeRuns(ctx, func(run *v1alpha1.CanaryRun) bool {
		return true
	})
}
