package planqueries

import (
	"context"
	"encoding/json"
	"errors"
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
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/leadership"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/workload"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// How long after an answer a plan is asked about again whose queries were not all answered: its endpoint may
// have been away, and nobody tells when that is back. Where a query found nothing, the Deployment may have been
// applied with the plan, and its pods have yet to be scraped: such a plan is asked about again soon, and left
// when it is no longer new, for many queries count what should not be. The others are left until they change.
const (
	soonAgain  = 30 * time.Second
	seldomThen = 10 * time.Minute
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

// due says whether a plan is to be asked about now, and if not how long from now it is; 0 is not until it
// changes. last is when it was asked about last, zero if this evaluator has not asked or has no need to know.
func due(p *v1alpha1.CanaryPlan, last, now time.Time) (again time.Duration, ask bool) {
	condition := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionQueriesAnswered)
	if condition == nil || p.Status.ObservedGeneration != p.Generation {
		return 0, true
	}
	isNew := now.Sub(condition.LastTransitionTime.Time) < seldomThen
	answered := condition.Status == metav1.ConditionTrue
	if answered && !(isNew && foundNothing(p.Status.Queries)) {
		return 0, false
	}
	pace := soonAgain
	if !isNew {
		pace = seldomThen
	}
	again = last.Add(pace).Sub(now)
	return again, again <= 0
}

// foundNothing is whether one of the answers has no series.
func foundNothing(answers []v1alpha1.QueryAnswer) bool {
	return slices.ContainsFunc(answers, func(a v1alpha1.QueryAnswer) bool { return a.Series == 0 })
}

func (r *Reconciler) last(name types.NamespacedName) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tried[name]
}

// note notes when a plan was asked about that is asked about again; zero forgets it.
func (r *Reconciler) note(name types.NamespacedName, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.IsZero() {
		delete(r.tried, name)
		return
	}
	if r.tried == nil {
		r.tried = map[types.NamespacedName]time.Time{}
	}
	r.tried[name] = at
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

// lookup is what queries need beside the pods.
type lookup struct {
	r          *Reconciler
	namespace  string
	deployment objects.Deployment
	pods       map[string][]string
}

// Endpoint is asked with what policies demand now.
func (l lookup) Endpoint(ctx context.Context, name string) (measure.Endpoint, error) {
	demands, err := l.r.Objects.DemandsIn(ctx, l.namespace)
	if err != nil {
		return measure.Endpoint{}, err
	}
	return l.r.Endpoints(l.namespace, name, demands.MatcherTexts())
}

// Probes are not read for a plan.
func (l lookup) Probes(context.Context) (measure.Endpoint, error) {
	return measure.Endpoint{}, errors.New("probes are read when a run begins")
}

// Stable are the same pods.
func (l lookup) Stable(context.Context) (map[string][]string, error) { return l.pods, nil }

// Service is the one that sends requests to the pods of the Deployment, as it would to a canary's.
func (l lookup) Service(ctx context.Context) (string, error) {
	if l.deployment.Unstructured == nil {
		return nobody, nil
	}
	template, err := l.r.Objects.StableTemplate(ctx, l.deployment)
	if err != nil {
		return "", err
	}
	set := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"template": template}}}
	set.SetNamespace(l.namespace)
	return l.r.Objects.ServiceFor(ctx, set)
}

// DeploymentLabels are not asked for by queries.
func (l lookup) DeploymentLabels(context.Context) (map[string]string, error) {
	return map[string]string{}, nil
}

// PodLabels neither.
func (l lookup) PodLabels(context.Context, analysis.Pod) (map[string]string, error) {
	return map[string]string{}, nil
}
