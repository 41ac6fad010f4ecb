package deployment

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/reply"
)

// +kubebuilder:rbac:groups=core,resources=services,verbs=list
// +kubebuilder:rbac:groups=core,resources=configmaps,verbs=get

// What stands beside a Deployment is not held with its template. Who applies is told where that
// leaves the stable pods without something; the evaluator goes on looking. It is worth no more than
// these: what cannot be read in time is not told.
const (
	aroundTime  = 3 * time.Second
	aroundBytes = 8 << 20
	maxNeeds    = 20
	needsAtOnce = 4
)

// tellAround warns whoever asks for a template that is held. Who asks for it again, as tools do every
// few minutes, is told what the evaluator has found.
func (h *Handler) tellAround(ctx context.Context, r *request, w wanted, d decide.Decision) []string {
	switch {
	case d.Effect == decide.Keep && r.touched():
		ctx, cancel := dispensable(ctx, aroundTime)
		defer cancel()
		return h.History.found(ctx, r.namespace, r.record.Run)
	case d.Effect != decide.Hold:
		return nil
	}
	heldAt := h.Now()
	if r.record != nil {
		heldAt = r.record.HeldAt
	}
	if r.errands == nil {
		r.errands = &errands{around: h.lookAround(ctx, r)}
	}
	look := r.errands.around
	var out []string
	if left := surround.Left(look.services(), look.stable, surround.Of(w.template), heldAt); len(left) > 0 {
		out = append(out, reply.Warning(surround.TellLeft(left)))
	}
	if gone := look.gone(); len(gone) > 0 {
		out = append(out, reply.Warning(surround.TellGone(gone)))
	}
	return out
}

// found is what the evaluator says in the status of a run.
func (h History) found(ctx context.Context, namespace, name string) []string {
	var run v1alpha1.CanaryRun
	if err := h.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &run); err != nil {
		return nil
	}
	var out []string
	for _, kind := range []string{v1alpha1.ConditionStableServed, v1alpha1.ConditionStableComplete} {
		if c := meta.FindStatusCondition(run.Status.Conditions, kind); c != nil && c.Status == metav1.ConditionFalse {
			out = append(out, reply.Warning(c.Message))
		}
	}
	return out
}

// services are those of a namespace, none if they cannot be read. They are not read from the API server's cache:
// one that stands before the Deployment in the same file was written a moment ago.
func (h History) services(ctx context.Context, namespace string) []surround.Service {
	var services []surround.Service
	q := listing.Query{
		Kind: corev1.SchemeGroupVersion.WithKind("Service"), Namespace: namespace, Most: aroundBytes, Until: time.Now().Add(aroundTime),
	}
	err := h.Reader.Each(ctx, q, func(object []byte) error {
		service, err := listing.Decode[corev1.Service](object)
		if err == nil && len(service.Spec.Selector) > 0 {
			services = append(services, surround.View(service))
		}
		return err
	})
	if err != nil {
		return nil
	}
	return services
}

// gone are those of some objects that are not there, as far as Holdfast may know.
func (h History) gone(ctx context.Context, namespace string, needs []surround.Reference) []surround.Reference {
	needs = needs[:min(len(needs), maxNeeds)]
	found := make([]error, len(needs))
	var some errgroup.Group
	some.SetLimit(needsAtOnce)
	for i, need := range needs {
		some.Go(func() error {
			o := &metav1.PartialObjectMetadata{}
			o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(need.Kind))
			found[i] = h.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: need.Name}, o)
			return nil
		})
	}
	_ = some.Wait() // what was found is in found
	var out []surround.Reference
	for i, need := range needs {
		switch err := found[i]; {
		case apierrors.IsNotFound(err):
			out = append(out, need)
		case err != nil && !apierrors.IsForbidden(err): // there may be no time left
			return out
		}
	}
	return out
}
