package planqueries

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/leadership"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/workload"
)

// nobody stands for the Deployment, and its Service, of a plan that none has.
const nobody = "no-deployment"

// PodsFunc finds the pods that a Deployment has now, by ReplicaSet.
type PodsFunc func(ctx context.Context, d objects.Deployment) (map[string][]string, error)

// Reconciler asks the queries of plans.
type Reconciler struct {
	Objects   *objects.Reader
	Writer    client.StatusClient
	Endpoints measure.EndpointFunc
	Pods      PodsFunc
	Clock     clock.PassiveClock

	budget measure.Budget

	mu sync.Mutex
	// tried is when plans were asked about last that are asked about again.
	tried map[types.NamespacedName]time.Time
}

// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryplans/status,verbs=patch

// Setup adds the controller to a manager: a plan is looked at when its spec changes, and all are when a term
// begins.
func (r *Reconciler) Setup(mgr ctrl.Manager, leader *leadership.Elector, options controller.Options) error {
	return ctrl.NewControllerManagedBy(mgr).Named("planqueries").
		For(objects.NewPlan()).
		WithEventFilter(predicate.GenerationChangedPredicate{}).
		WatchesRawSource(leader.Source(r.all)).
		WithOptions(options).
		Complete(leader.Only(reconcile.Func(r.Reconcile)))
}

// all are the plans of the cluster: those that changed while nobody led are asked then.
func (r *Reconciler) all(ctx context.Context) []reconcile.Request {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryPlanList"))
	if err := r.Objects.Cached.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list plans")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return out
}

// Reconcile asks the queries of a plan that were not asked as they are, or not answered.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p := &v1alpha1.CanaryPlan{}
	if err := r.Objects.Live.Get(ctx, req.NamespacedName, p); err != nil || p.DeletionTimestamp != nil {
		r.note(req.NamespacedName, time.Time{})
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if again, ask := due(p, r.last(req.NamespacedName), r.Clock.Now()); !ask {
		return ctrl.Result{RequeueAfter: again}, nil
	}
	status, err := r.ask(ctx, p)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.write(ctx, p, status); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	now := r.Clock.Now()
	again, _ := due(p, now, now)
	if again == 0 {
		now = time.Time{} // nothing to remember
	}
	r.note(req.NamespacedName, now)
	return ctrl.Result{RequeueAfter: again}, nil
}

// ask asks the queries of a plan.
func (r *Reconciler) ask(ctx context.Context, p *v1alpha1.CanaryPlan) (v1alpha1.CanaryPlanStatus, error) {
	spec := p.Spec.DeepCopy()
	spec.SetDefaults()
	if errs := query.ValidatePlan(spec, field.NewPath("spec")); len(errs) > 0 { // the webhook was away when it was written
		return unanswered(p.Generation, metricsOf(spec), errs.ToAggregate().Error()), nil
	}
	d, err := r.deploymentWith(ctx, p)
	if err != nil {
		return v1alpha1.CanaryPlanStatus{}, err
	}
	name, about, pods := nobody, "no pod, for no Deployment has this plan", map[string][]string{}
	if d.Unstructured != nil {
		name, about = d.GetName(), "the pods of Deployment "+d.GetName()
		if pods, err = r.Pods(ctx, d); err != nil {
			return v1alpha1.CanaryPlanStatus{}, fmt.Errorf("pods of Deployment %q: %w", name, err)
		}
	}
	reservation := r.budget.Reserve(p.Namespace)
	defer reservation.Release()
	now, find := r.Clock.Now(), lookup{r, p.Namespace, d, pods}
	subject := subjectOf(p.Namespace, name, spec, pods, now)
	round, err := measure.Observe(ctx, subject, find, now, reservation)
	if err != nil {
		return v1alpha1.CanaryPlanStatus{}, err
	}
	late, err := lateness(ctx, find, subject.Analysis, round, now)
	if err != nil {
		return v1alpha1.CanaryPlanStatus{}, err
	}
	return addLateness(statusOf(p.Generation, subject.Analysis.Metrics, round, about), late), nil
}

// deploymentWith is the first Deployment, by name, that would be tried by a plan and wants pods; none if
// there is none.
func (r *Reconciler) deploymentWith(ctx context.Context, p *v1alpha1.CanaryPlan) (objects.Deployment, error) {
	ns, err := r.Objects.Namespace(ctx, p.Namespace)
	if err != nil {
		return objects.Deployment{}, err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(workload.DeploymentKind.GroupVersion().WithKind("DeploymentList"))
	if err := r.Objects.Cached.List(ctx, list, client.InNamespace(p.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return objects.Deployment{}, fmt.Errorf("list Deployments: %w", err)
	}
	var first *unstructured.Unstructured
	for i := range list.Items {
		d := &list.Items[i]
		if (first == nil || d.GetName() < first.GetName()) && plan.NameFor(d.GetAnnotations(), ns.Annotations) == p.Name && (objects.Deployment{Unstructured: d}).Replicas() > 0 {
			first = d
		}
	}
	if first == nil {
		return objects.Deployment{}, nil
	}
	return objects.Deployment{Unstructured: first.DeepCopy()}, nil
}

// write writes a status, if it says something else. A time of transition stays where the state does.
func (r *Reconciler) write(ctx context.Context, p *v1alpha1.CanaryPlan, status v1alpha1.CanaryPlanStatus) error {
	before := p.Status.DeepCopy()
	conditions := slices.Clone(p.Status.Conditions)
	for _, c := range status.Conditions {
		c.LastTransitionTime = metav1.NewTime(r.Clock.Now().Truncate(time.Second))
		meta.SetStatusCondition(&conditions, c)
	}
	status.Conditions = conditions
	if equality.Semantic.DeepEqual(*before, status) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": p.ResourceVersion},
		"status":   map[string]any{"observedGeneration": status.ObservedGeneration, "conditions": status.Conditions, "queries": status.Queries},
	})
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	err = r.Writer.Status().Patch(ctx, p, client.RawPatch(types.MergePatchType, patch))
	if apierrors.IsConflict(err) { // it was written meanwhile, and is looked at again
		return nil
	}
	if err != nil {
		return fmt.Errorf("write status of CanaryPlan %q: %w", client.ObjectKeyFromObject(p), err)
	}
	return nil
}
