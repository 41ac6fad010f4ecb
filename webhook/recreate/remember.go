package recreate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/reply"
)

// maxDeleted is how many deletions a namespace remembers. Beyond it nothing more
// is deleted for a while: forgetting one would be a way out.
const maxDeleted = 500

// remember writes down what goes. A namespace that goes itself needs no memory:
// nothing can be made in it any more.
func (h *Handler) remember(ctx context.Context, req admissionv1.AdmissionRequest, d demand.Demands, whole bool) error {
	sent, err := decode.Old(req)
	if err != nil {
		return err
	}
	live, ns, err := h.look(ctx, req.Namespace, sent.Name())
	if err != nil || ns.DeletionTimestamp != nil {
		return err
	}
	memory, err := h.memoryOf(d, live, sent, whole, req.Operation, ns)
	if err != nil || memory == nil {
		return err
	}
	old, remembered := h.sort(ns, d)
	key := v1alpha1.DeletedAnnotation(sent.Name())
	if _, again := ns.Annotations[key]; !again && remembered >= maxDeleted {
		return reply.Refuse("%d Deployments of namespace %s were deleted within %s; CanaryPolicy %s has them remembered so long, delete this one later",
			remembered, req.Namespace, d.RecreateDelay.Value, d.RecreateDelay.Policy)
	}
	err = h.write(ctx, ns, map[string]any{key: memory.String()}, old)
	if isFull(err) {
		return reply.Refuse("CanaryPolicy %s has it remembered which template Deployment %s had, and that does not fit on the object of namespace %s any more: %v; "+
			"take annotations or finalizers off the namespace that nobody needs", d.RecreateDelay.Policy, sent.Name(), req.Namespace, err)
	}
	return err
}

// isFull says whether an object has grown to where nothing more can be written on
// it. That is no outage: the owners of a namespace can bring it there, so it lets
// nothing pass, however the namespace fails. What etcd does not take the API
// server reports with no reason.
func isFull(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsRequestEntityTooLargeError(err) ||
		err != nil && strings.Contains(err.Error(), "etcdserver: request is too large")
}

// memoryOf is what there is to remember of a Deployment, nil if nothing. It is
// found in what the API server has: a request may be sent by whoever reaches the
// webhook, and Holdfast writes with its own rights. A Deployment that was updated
// meanwhile is not deleted by this request as it is: the API server asks again.
//
// What was remembered when its deletion began stands, whatever it has become since.
func (h *Handler) memoryOf(d demand.Demands, live, sent workload.Deployment, whole bool, operation admissionv1.Operation, ns *metav1.PartialObjectMetadata) (*hold.Deleted, error) {
	if live.Object == nil || live.UID() != sent.UID() {
		return nil, nil
	}
	hash, version, err := h.marksFor(d).Hashes(live.Template())
	if err != nil {
		return nil, err
	}
	if asked, err := hold.HashOf(sent.Template()); whole && (err != nil || asked != hash) {
		return nil, err
	}
	hash = version
	if !live.Deleting() {
		if operation == admissionv1.Update {
			return nil, nil
		}
		return &hold.Deleted{Hash: hash, At: h.Now()}, nil
	}
	if first, err := hold.ParseDeleted(ns.Annotations[v1alpha1.DeletedAnnotation(live.Name())]); err == nil {
		hash = first.Hash
	}
	return &hold.Deleted{Hash: hash, At: h.Now()}, nil
}

// sort tells the memories that policies forget, as a change that takes them off,
// from those that count.
func (h *Handler) sort(ns *metav1.PartialObjectMetadata, d demand.Demands) (old map[string]any, remembered int) {
	old = map[string]any{}
	for key, value := range ns.Annotations {
		if !strings.HasPrefix(key, v1alpha1.DeletedAnnotationPrefix) {
			continue
		}
		if memory, err := hold.ParseDeleted(value); err != nil || h.isOld(memory, d) {
			old[key] = nil
			continue
		}
		remembered++
	}
	return old, remembered
}

// write puts a memory on the namespace. Other keys are left alone, so two deletions
// at once do not undo one another. What is old is taken off only where nobody has
// written since it was read: it may have been remembered anew.
func (h *Handler) write(ctx context.Context, ns *metav1.PartialObjectMetadata, memory, old map[string]any) error {
	if len(old) > 0 {
		changes := maps.Clone(old)
		maps.Copy(changes, memory)
		err := h.annotate(ctx, ns, map[string]any{"resourceVersion": ns.ResourceVersion, "annotations": changes})
		if !apierrors.IsConflict(err) {
			return err
		}
	}
	return h.annotate(ctx, ns, map[string]any{"annotations": memory})
}

func (h *Handler) annotate(ctx context.Context, ns *metav1.PartialObjectMetadata, metadata map[string]any) error {
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return fmt.Errorf("encode annotations: %w", err)
	}
	written := &metav1.PartialObjectMetadata{TypeMeta: ns.TypeMeta, ObjectMeta: metav1.ObjectMeta{Name: ns.Name}}
	if err := h.API.Patch(ctx, written, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("annotate namespace %q: %w", ns.Name, err)
	}
	return nil
}
