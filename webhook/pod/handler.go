// Package pod answers the admission requests for pods of namespaces that are annotated with
// holdfast.dev/probe: enabled: it puts the sidecar into them that measures requests (see package
// internal/probe/inject), so that stable pods can be compared with those of a canary.
//
// # Failing open
//
// Its entry and all of its errors let a pod pass as it came: who makes pods must not depend on Holdfast, and
// a pod that is not measured serves its requests all the same. Pods of a canary and of its baseline have the
// sidecar in the template of their ReplicaSet, and need nothing of this: there it cannot be missing.
package pod

import (
	"context"
	"fmt"
	"runtime/debug"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
	"holdfast.dev/holdfast/internal/probe/inject"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/patch"
)

// Handler answers the requests of the entry for pods. It refuses nothing.
type Handler struct {
	// Image is that of the sidecar; without it no pod has one.
	Image string
	// Policies finds what administrators allow in the namespace.
	Policies demand.Policies
}

var _ admission.Handler = (*Handler)(nil)

// Handle answers one request.
func (h *Handler) Handle(ctx context.Context, req admission.Request) (resp admission.Response) {
	log := ctrl.LoggerFrom(ctx) // it names object, user and request
	defer func() {
		if p := recover(); p != nil {
			log.Error(fmt.Errorf("panic: %v", p), "pod not measured", "stack", string(debug.Stack()))
			resp = admission.Allowed("")
		}
	}()
	resp, err := h.answer(ctx, req)
	if err != nil {
		log.Error(err, "pod not measured")
		return admission.Allowed("")
	}
	return resp
}

func (h *Handler) answer(ctx context.Context, req admission.Request) (admission.Response, error) {
	var pod hold.Template // a pod has metadata and spec, as a template has
	if err := jsontree.Unmarshal(req.Object.Raw, &pod); err != nil {
		return admission.Response{}, fmt.Errorf("decode pod: %w", err)
	}
	metadata, _ := pod["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	if h.Image == "" || annotations[v1alpha1.ProbeAnnotation] == v1alpha1.ProbeDisabled {
		return admission.Allowed(""), nil
	}
	demands, err := h.Policies.ForNamespace(ctx, req.Namespace)
	if err != nil {
		return admission.Response{}, err
	}
	var all v1alpha1.Probe
	all.SetDefaults()
	allowed := demands.ProbeWithin(all)
	if allowed == nil {
		return admission.Allowed(""), nil
	}
	measured, left := inject.Into(pod, inject.Config{Image: h.Image, Probe: *allowed})
	if !inject.Has(measured) {
		ctrl.LoggerFrom(ctx).V(1).Info("pod not measured", "why", fmt.Sprint(left))
		return admission.Allowed(""), nil
	}
	spec, _ := pod["spec"].(map[string]any)
	with, _ := measured["spec"].(map[string]any)
	advertised, _ := measured["metadata"].(map[string]any)
	said, _ := advertised["annotations"].(map[string]any)
	resp := admission.Allowed("")
	resp.Patches = append(patch.Fields(patch.Spec, spec, with), patch.Fields(patch.Annotations, annotations, said)...)
	return resp, nil
}
