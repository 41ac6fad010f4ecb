package deployment

import (
	"context"
	"math"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/history"
	"holdfast.dev/holdfast/webhook/reply"
)

// Routes knows which Services and routes lead to a Deployment.
type Routes interface {
	// Doubt is why its canary may not get its requests as a plan says, "" if nothing speaks against it. pods
	// are the labels of the pods that its Services select.
	Doubt(ctx context.Context, namespace, deployment string, plan *v1alpha1.CanaryPlanSpec, pods map[string]string) (string, error)
}

// tellRoutes warns whoever has an update held whose canary is to get its requests by routes, or by a Service
// of its own, and may not, by what policies leave of its plan. The evaluator looks anew when the canary is
// there.
func (h *Handler) tellRoutes(ctx context.Context, r *request, d decide.Decision) []string {
	if h.Routes == nil || d.Effect != decide.Hold || r.plan == nil || !r.plan.Served() {
		return nil
	}
	asked := r.plan.DeepCopy()
	asked.SetDefaults()
	bounded, _ := r.demands.Apply(*asked, int32(min(r.New.Replicas(), math.MaxInt32)))
	if !bounded.Served() {
		return nil
	}
	ctx, cancel := dispensable(ctx, history.Time)
	defer cancel()
	why, err := h.Routes.Doubt(ctx, r.namespace, r.name, &bounded, surround.Read(r.Old.Template()).Labels)
	if err != nil { // it is told by the run
		ctrl.LoggerFrom(ctx).Error(err, "routes not looked at")
		return nil
	}
	if why == "" {
		return nil
	}
	return []string{reply.Warning("the canary may not get its requests: " + why)}
}
