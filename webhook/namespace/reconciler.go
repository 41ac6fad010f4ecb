// Package namespace keeps the labels of a namespace true to its annotation
// holdfast.dev/canary, by which people opt in, and to the CanaryPolicies that
// select it. The webhook configuration can select on labels only.
package namespace

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/leadership"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/policy/load"
)

// Reconciler derives the labels of namespaces.
type Reconciler struct {
	Client client.Client
	Events events.EventRecorder
	// Excluded are namespaces that are never guarded: Holdfast's own and kube-system.
	Excluded []string
}

// +kubebuilder:rbac:groups=core,resources=namespaces,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canarypolicies,verbs=get;list;watch;exempt

// SetupWithManager watches the metadata of namespaces, and policies, while this replica leads.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, lead *leadership.Elector) error {
	return ctrl.NewControllerManagedBy(mgr).Named("optin").For(Metadata()).
		WithOptions(controller.Options{NeedLeaderElection: new(bool)}).
		Watches(&v1alpha1.CanaryPolicy{}, handler.EnqueueRequestsFromMapFunc(r.allNamespaces), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(lead.Source(func(ctx context.Context) []reconcile.Request { return r.allNamespaces(ctx, nil) })).
		Complete(lead.Only(r))
}

// Metadata is what is read of a namespace.
func Metadata() *metav1.PartialObjectMetadata {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return meta
}

// allNamespaces: a selector that changed may have left any of them.
func (r *Reconciler) allNamespaces(ctx context.Context, _ client.Object) []reconcile.Request {
	list, err := List(ctx, r.Client)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list namespaces")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return out
}

// List reads the metadata of all namespaces.
func List(ctx context.Context, c client.Reader) (*metav1.PartialObjectMetadataList, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := c.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	return list, nil
}

// Reconcile puts the labels of one namespace right. Where policies cannot be
// read they stay as they are: that lets nobody out.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ns := Metadata()
	if err := r.Client.Get(ctx, req.NamespacedName, ns); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !ns.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	label, problem := Label(ns.Name, ns.Annotations[v1alpha1.CanaryAnnotation], r.Excluded)
	if problem != "" {
		r.Events.Eventf(ns, nil, corev1.EventTypeWarning, v1alpha1.EventCanaryAnnotationInvalid, "Label", "%s", problem)
	}
	measured, problem := Probe(ns.Name, ns.Annotations[v1alpha1.ProbeAnnotation], r.Excluded)
	if problem != "" {
		r.Events.Eventf(ns, nil, corev1.EventTypeWarning, v1alpha1.EventCanaryAnnotationInvalid, "Label", "%s", problem)
	}
	var demanded policy.Effective
	if !slices.Contains(r.Excluded, ns.Name) {
		var err error
		if demanded, err = load.ForNamespace(ctx, r.Client, ns.Labels); err != nil {
			return ctrl.Result{}, err
		}
	}
	want := marksOf(label, demanded)
	want.probe = measured
	have := marks{
		canary: ns.Labels[v1alpha1.CanaryLabel], policy: ns.Labels[v1alpha1.PolicyLabel], probe: ns.Labels[v1alpha1.ProbeLabel],
		policies: ns.Annotations[v1alpha1.PoliciesAnnotation],
	}
	if want == have {
		return ctrl.Result{}, nil
	}
	if err := r.mark(ctx, ns, want); err != nil {
		return ctrl.Result{}, err
	}
	ctrl.LoggerFrom(ctx).Info("namespace labels set", "label", want.canary, "was", have.canary, "policies", want.policies, "probe", want.probe)
	if want.canary != have.canary {
		by := "the annotation"
		if want.policy != "" && want.canary == want.policy {
			by = "CanaryPolicy " + demanded.Guard.Policy
		}
		r.Events.Eventf(ns, nil, corev1.EventTypeNormal, v1alpha1.EventCanaryLabelSet, "Label",
			"label %s set to %q, was %q, as %s says", v1alpha1.CanaryLabel, want.canary, have.canary, by)
	}
	return ctrl.Result{}, nil
}

// mark writes what a namespace is to have. Its owners may have filled its
// annotations. The one of policies only tells; the labels guard, so they are put on
// alone where it does not fit, and it is tried again later.
func (r *Reconciler) mark(ctx context.Context, ns *metav1.PartialObjectMetadata, want marks) error {
	guard := want
	guard.policies = ns.GetAnnotations()[v1alpha1.PoliciesAnnotation]
	err := r.write(ctx, ns.DeepCopy(), want)
	if apierrors.IsInvalid(err) {
		return errors.Join(err, r.write(ctx, ns, guard))
	}
	return err
}

func (r *Reconciler) write(ctx context.Context, ns *metav1.PartialObjectMetadata, want marks) error {
	before := ns.DeepCopy()
	labels, annotations := ns.GetLabels(), ns.GetAnnotations()
	labels = set(labels, v1alpha1.CanaryLabel, want.canary)
	labels = set(labels, v1alpha1.PolicyLabel, want.policy)
	labels = set(labels, v1alpha1.ProbeLabel, want.probe)
	ns.SetLabels(labels)
	annotations = set(annotations, v1alpha1.PoliciesAnnotation, want.policies)
	// Where a guard begins, by people or by a policy, Deployments may have no stamp yet, and have lost none.
	if want.canary == "" || before.GetLabels()[v1alpha1.CanaryLabel] == "" || want.policy != "" && before.GetLabels()[v1alpha1.PolicyLabel] == "" {
		annotations = set(annotations, v1alpha1.StampedAnnotation, "")
	}
	ns.SetAnnotations(annotations)
	err := r.Client.Patch(ctx, ns, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("label namespace %q: %w", ns.Name, err)
	}
	return nil
}

// set writes one of several texts; an empty value takes it off.
func set(texts map[string]string, key, value string) map[string]string {
	if value == "" {
		delete(texts, key)
		return texts
	}
	if texts == nil {
		texts = map[string]string{}
	}
	texts[key] = value
	return texts
}
