package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
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

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
)

// RecreateHandler answers the deletions and creations of Deployments where
// policies guard. A Deployment that is deleted leaves the hash of its template on
// the namespace, in the request that deletes it: there is no moment between the two.
// Made anew with another template before policies forget it, it is refused.
//
// A creation is no update otherwise: what a namespace runs under new names is its
// owner's own.
type RecreateHandler struct {
	// FailClosed refuses what cannot be remembered or looked up.
	FailClosed bool
	Policies   Policies
	// Access asks whether a user may go without a canary.
	Access Access
	// Cluster reads Deployments and namespaces at the API server, with no cache,
	// and writes the latter.
	Cluster Cluster
	// Now is the clock.
	Now func() time.Time
}

// Cluster is what a RecreateHandler needs of a client.
type Cluster interface {
	Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error
	Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error
}

var _ admission.Handler = (*RecreateHandler)(nil)

// maxDeleted is how many deletions a namespace remembers. Beyond it nothing more
// is deleted for a while: forgetting one would be a way out.
const maxDeleted = 500

// Handle answers one request.
func (h *RecreateHandler) Handle(ctx context.Context, req admission.Request) admission.Response {
	err := h.handle(ctx, req.AdmissionRequest)
	var refusal refusal
	switch {
	case errors.As(err, &refusal):
		ctrl.LoggerFrom(ctx).Info("deletion or creation refused", "reason", refusal.message)
		return denied(refusal)
	case err != nil && h.FailClosed:
		return admission.Errored(http.StatusInternalServerError, fmt.Errorf("holdfast could not tell whether this Deployment comes in the place of a deleted one: %w", err))
	case err != nil:
		ctrl.LoggerFrom(ctx).Error(err, "deletion or creation not looked at")
		return admission.Allowed("").WithWarnings(warning("passed, though it could not be told whether it comes in the place of a deleted one: " + err.Error()))
	}
	return admission.Allowed("")
}

func (h *RecreateHandler) handle(ctx context.Context, req admissionv1.AdmissionRequest) error {
	d, err := h.Policies.of(ctx, req.Namespace)
	if err != nil || d.RecreateDelay.Value == 0 {
		return err
	}
	ns := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
	if err := h.Cluster.Get(ctx, types.NamespacedName{Name: req.Namespace}, ns); err != nil {
		return fmt.Errorf("read namespace %q: %w", req.Namespace, err)
	}
	if req.Operation == admissionv1.Delete {
		if req.DryRun != nil && *req.DryRun {
			return nil
		}
		return h.remember(ctx, req, d, ns)
	}
	return h.compare(ctx, req, d, ns)
}

// remember writes down what is deleted, and forgets what is old. Other keys are
// left alone, so two deletions at once do not undo one another.
func (h *RecreateHandler) remember(ctx context.Context, req admissionv1.AdmissionRequest, d demands, ns *metav1.PartialObjectMetadata) error {
	u, err := decodeOld(req)
	if err != nil {
		return err
	}
	hash, err := hold.HashOf(u.template())
	if err != nil {
		return err
	}
	if runs, err := h.runs(ctx, req.Namespace, u, hash); err != nil || !runs {
		return err
	}
	changes := map[string]any{}
	remembered := 0
	for key, value := range ns.Annotations {
		if !strings.HasPrefix(key, v1alpha1.DeletedAnnotationPrefix) {
			continue
		}
		if memory, err := hold.ParseDeleted(value); err != nil || h.Now().Sub(memory.At) > d.RecreateDelay.Value {
			changes[key] = nil
			continue
		}
		remembered++
	}
	if remembered >= maxDeleted {
		return refuse("%d Deployments of namespace %s were deleted within %s; CanaryPolicy %s has them remembered so long, delete this one later",
			remembered, req.Namespace, d.RecreateDelay.Value, d.RecreateDelay.Policy)
	}
	// The request that deletes a collection names none of its objects.
	changes[v1alpha1.DeletedAnnotation(u.name())] = hold.Deleted{Hash: hash, At: h.Now()}.String()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": changes}})
	if err != nil {
		return fmt.Errorf("encode annotations: %w", err)
	}
	if err := h.Cluster.Patch(ctx, ns, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("annotate namespace %q: %w", req.Namespace, err)
	}
	return nil
}

// runs says whether a Deployment is there and has a template, as the API server
// knows it: a request may be sent by whoever reaches the webhook, and Holdfast
// writes with its own rights. A Deployment that was updated meanwhile is not
// deleted by this request as it is: the API server asks again.
func (h *RecreateHandler) runs(ctx context.Context, namespace string, d deployment, template hold.Hash) (bool, error) {
	var live unstructured.Unstructured
	live.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	err := h.Cluster.Get(ctx, types.NamespacedName{Namespace: namespace, Name: d.name()}, &live)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read Deployment %q: %w", d.name(), err)
	}
	hash, err := hold.HashOf(deployment{live.Object}.template())
	return live.GetUID() == d.uid() && hash == template, err
}

// decodeOld reads the object that a request deletes.
func decodeOld(req admissionv1.AdmissionRequest) (deployment, error) {
	req.Object = req.OldObject
	u, err := decodeUpdate(req)
	return u.new, err
}

// compare refuses a Deployment that comes in the place of a deleted one with
// another template, unless its maker may go without a canary and says so.
func (h *RecreateHandler) compare(ctx context.Context, req admissionv1.AdmissionRequest, d demands, ns *metav1.PartialObjectMetadata) error {
	u, err := decodeUpdate(req)
	if err != nil {
		return err
	}
	memory, err := hold.ParseDeleted(ns.Annotations[v1alpha1.DeletedAnnotation(u.new.name())])
	if err != nil || h.Now().Sub(memory.At) > d.RecreateDelay.Value {
		return nil //nolint:nilerr // nothing is remembered
	}
	hash, err := hold.HashOf(u.new.template())
	if err != nil || hash == memory.Hash {
		return err
	}
	advice := fmt.Sprintf("make it with the template that it had (%s) and update it then, wait until %s, or have somebody make it who may go without a canary, with annotation %s",
		memory.Hash.Short(), memory.At.Add(d.RecreateDelay.Value).UTC().Format(time.RFC3339), v1alpha1.SkipAnnotation)
	if reason := u.new.annotation(v1alpha1.SkipAnnotation); reason != "" {
		lacks, err := lacksToSkip(ctx, h.Access, d, req.UserInfo, req.Namespace)
		if err != nil {
			return err
		}
		if lacks == "" {
			ctrl.LoggerFrom(ctx).Info("made anew without a canary", "hash", hash, "reason", reason)
			return nil
		}
		advice = lacks
	}
	return refusal{
		message: fmt.Sprintf("Deployment %s was deleted at %s, and made anew with another pod template it would be updated without a canary, which CanaryPolicy %s does not allow: %s",
			u.new.name(), memory.At.UTC().Format(time.RFC3339), d.RecreateDelay.Policy, advice),
		status: &metav1.Status{Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden},
	}
}
