// Package recreate answers the deletions and creations of Deployments where policies
// guard.
package recreate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/bypass"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/reply"
)

// Handler answers the deletions and creations of Deployments where
// policies guard. A Deployment that is deleted leaves the hash of its template on
// the namespace, in the request that deletes it: there is no moment between the two.
// Made anew with another template before policies forget it, it is refused.
//
// A finalizer keeps what was deleted. So the update that takes the last one off
// comes here too, and the delay counts from then. Until it is gone, its template is
// the one it had when it was deleted (manifests/base/policy.yaml).
//
// A creation is no update otherwise: what a namespace runs under new names is its
// owner's own.
type Handler struct {
	// FailClosed refuses what cannot be remembered or looked up.
	FailClosed bool
	// Policies finds what administrators demand of the namespace.
	Policies demand.Policies
	// Access asks whether a user may go without a canary.
	Access bypass.Access
	// RestartMarks are names of marks of a restart beside those that are known.
	RestartMarks []string
	// API reads Deployments and namespaces at the API server, with no cache,
	// and writes the latter.
	API API
	// Now is the clock.
	Now func() time.Time
}

// API is what a Handler needs of a client.
type API interface {
	Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error
	Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error
}

var _ admission.Handler = (*Handler)(nil)

// Handle answers one request.
func (h *Handler) Handle(ctx context.Context, req admission.Request) admission.Response {
	return h.respond(ctx, req, true)
}

// HandleLarge implements serving.LargeHandler. What goes is remembered as the API server has it, however
// large its owner made it: nobody could delete it otherwise, or it would be forgotten.
func (h *Handler) HandleLarge(ctx context.Context, req admission.Request) (admission.Response, bool) {
	if req.Operation == admissionv1.Create || len(req.OldObject.Raw) == 0 {
		return admission.Response{}, false
	}
	return h.respond(ctx, req, false), true
}

func (h *Handler) respond(ctx context.Context, req admission.Request, whole bool) admission.Response {
	err := h.handle(ctx, req.AdmissionRequest, whole)
	var refusal reply.Refusal
	switch {
	case errors.As(err, &refusal):
		ctrl.LoggerFrom(ctx).Info("deletion or creation refused", "reason", refusal.Message)
		return reply.Denied(refusal)
	case err != nil && h.FailClosed:
		return admission.Errored(http.StatusInternalServerError, fmt.Errorf("holdfast could not tell whether this Deployment comes in the place of a deleted one: %w", err))
	case err != nil:
		ctrl.LoggerFrom(ctx).Error(err, "deletion or creation not looked at")
		return admission.Allowed("").WithWarnings(reply.Warning("passed, though it could not be told whether it comes in the place of a deleted one: " + err.Error()))
	}
	return admission.Allowed("")
}

// handle answers a request whose object is whole, or has but name and UID.
func (h *Handler) handle(ctx context.Context, req admissionv1.AdmissionRequest, whole bool) error {
	d, err := h.Policies.ForNamespace(ctx, req.Namespace)
	if err != nil || d.RecreateDelay.Value == 0 {
		return err
	}
	if req.Operation == admissionv1.Create {
		return h.compare(ctx, req, d)
	}
	if req.DryRun != nil && *req.DryRun {
		return nil
	}
	return h.remember(ctx, req, d, whole)
}

// marksFor are the marks of a restart that count in a namespace where a policy guards.
func (h *Handler) marksFor(d demand.Demands) hold.Marks {
	names, _ := d.RestartMarks(slices.Concat(hold.KnownMarks, h.RestartMarks))
	return names
}

// compare refuses a Deployment that comes in the place of a deleted one with
// another template, unless its maker may go without a canary and says so.
func (h *Handler) compare(ctx context.Context, req admissionv1.AdmissionRequest, d demand.Demands) error {
	u, err := decode.Request(req)
	if err != nil {
		return err
	}
	name := u.New.Name()
	there, ns, err := h.look(ctx, req.Namespace, name)
	if err != nil {
		return err
	}
	if there.Object != nil { // it may be gone, and remembered, by the time that the API server looks
		exists := apierrors.NewAlreadyExists(appsv1.Resource("deployments"), name).Status()
		return reply.Refusal{Message: exists.Message, Status: &exists}
	}
	memory, err := hold.ParseDeleted(ns.Annotations[v1alpha1.DeletedAnnotation(name)])
	if err != nil || h.isOld(memory, d) {
		return nil //nolint:nilerr // nothing is remembered
	}
	hash, version, err := h.marksFor(d).Hashes(u.New.Template())
	if err != nil || hash == memory.Hash || version == memory.Hash {
		return err
	}
	advice := fmt.Sprintf("make it with the template that it had (%s) and update it then, wait until %s, or have somebody make it who may go without a canary, with annotation %s",
		memory.Hash.Short(), memory.At.Add(d.RecreateDelay.Value).UTC().Format(time.RFC3339), v1alpha1.SkipAnnotation)
	if reason := u.New.Annotation(v1alpha1.SkipAnnotation); reason != "" {
		lacks, err := h.Access.Lacks(ctx, d.Effective, req.UserInfo, req.Namespace)
		if err != nil {
			return err
		}
		if lacks == "" {
			ctrl.LoggerFrom(ctx).Info("made anew without a canary", "hash", hash, "reason", reason)
			return nil
		}
		advice = lacks
	}
	return reply.Refusal{
		Message: fmt.Sprintf("Deployment %s was deleted at %s, and made anew with another pod template it would be updated without a canary, which CanaryPolicy %s does not allow: %s",
			name, memory.At.UTC().Format(time.RFC3339), d.RecreateDelay.Policy, advice),
		Status: &metav1.Status{Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden},
	}
}

// look reads a Deployment, and then what its namespace remembers. In this order:
// what is remembered was written before the Deployment began to go, so whoever
// does not find it any more, or finds it going, finds the memory.
func (h *Handler) look(ctx context.Context, namespace, name string) (workload.Deployment, *metav1.PartialObjectMetadata, error) {
	var live unstructured.Unstructured
	live.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	err := h.API.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &live)
	if apierrors.IsNotFound(err) {
		live.Object = nil
	} else if err != nil {
		return workload.Deployment{}, nil, fmt.Errorf("read Deployment %q: %w", name, err)
	}
	ns := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
	if err := h.API.Get(ctx, types.NamespacedName{Name: namespace}, ns); err != nil {
		return workload.Deployment{}, nil, fmt.Errorf("read namespace %q: %w", namespace, err)
	}
	return workload.Deployment{Object: live.Object}, ns, nil
}

// isOld says whether policies forget a deletion.
func (h *Handler) isOld(memory hold.Deleted, d demand.Demands) bool {
	return h.Now().Sub(memory.At) > d.RecreateDelay.Value
}
