package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/leadership"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/policy/load"
	"holdfast.dev/holdfast/webhook/namespace"
)

// Reconciler says in the status of each CanaryPolicy which namespaces it
// selects, and whether it can be followed.
type Reconciler struct {
	Client client.Client
	// Excluded are the namespaces that no policy is about.
	Excluded []string
}

// +kubebuilder:rbac:groups=holdfast.dev,resources=canarypolicies/status,verbs=patch

// SetupWithManager watches policies, and the metadata of namespaces, while this replica leads.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, lead *leadership.Elector) error {
	return ctrl.NewControllerManagedBy(mgr).Named("policies").For(&v1alpha1.CanaryPolicy{}).
		WithOptions(controller.Options{NeedLeaderElection: new(bool)}).
		Watches(namespace.Metadata(), handler.EnqueueRequestsFromMapFunc(r.allPolicies)).
		WatchesRawSource(lead.Source(func(ctx context.Context) []reconcile.Request { return r.allPolicies(ctx, nil) })).
		Complete(lead.Only(r))
}

func (r *Reconciler) allPolicies(ctx context.Context, _ client.Object) []reconcile.Request {
	policies, err := load.All(ctx, r.Client)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list policies")
		return nil
	}
	var out []reconcile.Request
	for i := range policies {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&policies[i])})
	}
	return out
}

// Reconcile writes the status of one policy.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var p v1alpha1.CanaryPolicy
	if err := r.Client.Get(ctx, req.NamespacedName, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	namespaces, err := namespace.List(ctx, r.Client)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := p.DeepCopy()
	p.Status = statusOf(&p, namespaces.Items, r.Excluded)
	if equality.Semantic.DeepEqual(before.Status, p.Status) {
		return ctrl.Result{}, nil
	}
	if err := r.Client.Status().Patch(ctx, &p, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("write status of CanaryPolicy %q: %w", p.Name, err)
	}
	return ctrl.Result{}, nil
}

// maxNamed is how many namespaces a status names.
const maxNamed = 100

// maxMessage bounds the message of a condition, which quotes queries, in bytes.
const maxMessage = 4096

func statusOf(p *v1alpha1.CanaryPolicy, namespaces []metav1.PartialObjectMetadata, excluded []string) v1alpha1.CanaryPolicyStatus {
	status := v1alpha1.CanaryPolicyStatus{ObservedGeneration: p.Generation, Conditions: p.DeepCopy().Status.Conditions}
	for _, ns := range namespaces {
		if !slices.Contains(excluded, ns.Name) && policy.Covers(p, ns.Labels) {
			status.Namespaces = append(status.Namespaces, ns.Name)
		}
	}
	status.NamespaceCount = int32(len(status.Namespaces))
	slices.Sort(status.Namespaces)
	status.Namespaces = status.Namespaces[:min(len(status.Namespaces), maxNamed)]
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonFollowed,
		Message: "the policy can be followed", ObservedGeneration: p.Generation,
	}
	if err := policy.Validate(p, field.NewPath("spec")).ToAggregate(); err != nil {
		ready.Status, ready.Reason = metav1.ConditionFalse, v1alpha1.ReasonPolicyInvalid
		ready.Message = "updates that it is about stay held until it is mended: " + err.Error()
		ready.Message = strings.ToValidUTF8(ready.Message[:min(len(ready.Message), maxMessage)], "")
	}
	meta.SetStatusCondition(&status.Conditions, ready)
	return status
}
