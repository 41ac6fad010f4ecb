// Package plan answers the admission requests for CanaryPlans.
package plan

import (
	"context"
	"encoding/json"

	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/plancheck"
	"holdfast.dev/holdfast/webhook/reply"
)

// Handler answers the requests of the entry for CanaryPlans: it refuses the
// mistakes that the schema cannot see, such as those of a query, and warns of
// traps. Its entry fails open, and so does it: the evaluator runs no plan with a
// mistake, however that came in.
type Handler struct {
	// Endpoints tells how often pods are scraped, and what is asked for a namespace.
	Endpoints plancheck.Definitions
	// HookHosts are those that hooks may be at.
	HookHosts outbound.Hosts
	// Policies finds what administrators demand of the namespace.
	Policies demand.Policies
}

var _ admission.Handler = (*Handler)(nil)

// Handle answers one request.
func (h *Handler) Handle(ctx context.Context, req admission.Request) admission.Response {
	var plan v1alpha1.CanaryPlan
	if err := json.Unmarshal(req.Object.Raw, &plan); err != nil {
		return admission.Allowed("").WithWarnings("the plan was not checked: it cannot be decoded")
	}
	plan.Spec.SetDefaults()
	if errs := query.ValidatePlan(&plan.Spec, field.NewPath("spec")); len(errs) > 0 {
		ctrl.LoggerFrom(ctx).Info("plan refused", "mistakes", len(errs))
		return reply.Invalid(errs)
	}
	demands, err := h.Policies.ForNamespace(ctx, req.Namespace)
	if err != nil {
		return admission.Allowed("").WithWarnings("the plan was not compared with policies: " + err.Error())
	}
	refused, _ := plancheck.Tenancy(demands, h.Endpoints, req.Namespace, &plan.Spec, func(q query.Tenanted) *field.Path { return q.Path })
	if len(refused) > 0 {
		ctrl.LoggerFrom(ctx).Info("plan refused", "refusedQueries", len(refused))
		return reply.Invalid(refused)
	}
	if errs := plancheck.EndpointForbidden(demands, &plan.Spec); len(errs) > 0 {
		return reply.Invalid(errs)
	}
	if errs := plancheck.CaptureForbidden(demands, &plan.Spec); len(errs) > 0 {
		return reply.Invalid(errs)
	}
	if errs := plancheck.HooksForbidden(demands, h.HookHosts, req.Namespace, &plan.Spec); len(errs) > 0 {
		return reply.Invalid(errs)
	}
	warnings := append(plancheck.Changes(demands, &plan.Spec), plancheck.Warnings(demands, h.Endpoints, req.Namespace, &plan.Spec)...)
	return admission.Allowed("").WithWarnings(warnings...)
}
