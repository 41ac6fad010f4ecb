package deployment

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/finalizer"
	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/history"
	"holdfast.dev/holdfast/webhook/reply"
)

// protect puts the finalizer on the ConfigMaps of the stable template, where the plan asks for it, before the
// update is held: whoever applies may prune as soon as he has an answer. It is worth a second; what is not
// done by then the evaluator does, and takes off what an update has left that is refused after this. Who
// applies is warned where Holdfast may not do it.
func (h *Handler) protect(ctx context.Context, r *request, d decide.Decision) (warnings []string) {
	if h.Protection == nil || d.Effect != decide.Hold || r.plan == nil || r.plan.Protect != v1alpha1.ProtectConfigMaps {
		return nil
	}
	ctx, cancel := dispensable(ctx, history.Time)
	defer cancel()
	switch may, err := h.Protection.May(ctx); {
	case err != nil:
		ctrl.LoggerFrom(ctx).Error(err, "ConfigMaps not protected yet")
		return nil
	case !may:
		return []string{reply.Warning(surround.NoRight)}
	case r.DryRun:
		return nil
	}
	names := surround.ConfigMaps(r.Old.Template())
	for _, name := range names[:min(len(names), history.MaxNeeds)] {
		if err := h.protectOne(ctx, r.namespace, name); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "ConfigMaps not protected yet")
			return nil
		}
	}
	return nil
}

func (h *Handler) protectOne(ctx context.Context, namespace, name string) error {
	c := &metav1.PartialObjectMetadata{}
	c.SetGroupVersionKind(finalizer.Kind)
	if err := h.History.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, c); err != nil {
		if apierrors.IsNotFound(err) { // which is told
			return nil
		}
		return err
	}
	if c.DeletionTimestamp != nil || surround.Remade(c.Annotations) || slices.Contains(c.Finalizers, v1alpha1.ProtectFinalizer) {
		return nil
	}
	return finalizer.Patch(ctx, h.Protection.Writer, namespace, name, string(c.UID), true)
}
