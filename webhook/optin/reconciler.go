// Package optin keeps the label holdfast.dev/canary of a namespace equal to its
// annotation of the same key. People opt in by the annotation; the webhook
// configuration can select on labels only.
package optin

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Reconciler derives the label of namespaces.
type Reconciler struct {
	Client client.Client
	Events events.EventRecorder
	// Excluded are namespaces that are never guarded: Holdfast's own and kube-system.
	Excluded []string
}

// +kubebuilder:rbac:groups=core,resources=namespaces,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager watches the metadata of namespaces.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("optin").For(namespaceMetadata()).Complete(r)
}

func namespaceMetadata() *metav1.PartialObjectMetadata {
	meta := &metav1.PartialObjectMetadata{}
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return meta
}

// Reconcile puts the label of one namespace right.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ns := namespaceMetadata()
	if err := r.Client.Get(ctx, req.NamespacedName, ns); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !ns.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	want, problem := Label(ns.Name, ns.Annotations[v1alpha1.CanaryAnnotation], r.Excluded)
	if problem != "" {
		r.Events.Eventf(ns, nil, corev1.EventTypeWarning, "CanaryAnnotationInvalid", "Label", "%s", problem)
	}
	have := ns.Labels[v1alpha1.CanaryLabel]
	if want == have {
		return ctrl.Result{}, nil
	}
	if err := r.setLabel(ctx, ns, want); err != nil {
		return ctrl.Result{}, err
	}
	ctrl.LoggerFrom(ctx).Info("namespace label set", "label", want, "was", have)
	r.Events.Eventf(ns, nil, corev1.EventTypeNormal, "CanaryLabelSet", "Label",
		"label %s set to %q, was %q, as the annotation says", v1alpha1.CanaryLabel, want, have)
	return ctrl.Result{}, nil
}

func (r *Reconciler) setLabel(ctx context.Context, ns *metav1.PartialObjectMetadata, want string) error {
	before := ns.DeepCopy()
	if want == "" {
		delete(ns.Labels, v1alpha1.CanaryLabel)
	} else {
		metav1.SetMetaDataLabel(&ns.ObjectMeta, v1alpha1.CanaryLabel, want)
	}
	err := r.Client.Patch(ctx, ns, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("label namespace %q: %w", ns.Name, err)
	}
	return nil
}
