// Package policy answers the admission requests for CanaryPolicies, and says in the
// status of each which namespaces it selects.
package policy

import (
	"context"
	"encoding/json"

	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/webhook/reply"
)

// Handler answers the admission requests for CanaryPolicies: it refuses
// the mistakes that the schema cannot see, and warns of what a policy leaves to
// plans. It fails open, as the entry for plans does: a
// policy with a mistake says so in its status, and holds updates rather than
// letting them through.
type Handler struct{}

var _ admission.Handler = Handler{}

// Handle answers one request.
func (Handler) Handle(ctx context.Context, req admission.Request) admission.Response {
	var p v1alpha1.CanaryPolicy
	if err := json.Unmarshal(req.Object.Raw, &p); err != nil {
		return admission.Allowed("").WithWarnings("the policy was not checked: it cannot be decoded")
	}
	if errs := policy.Validate(&p, field.NewPath("spec")); len(errs) > 0 {
		ctrl.LoggerFrom(ctx).Info("policy refused", "mistakes", len(errs))
		return reply.Invalid(errs)
	}
	var warnings []string
	for _, w := range reply.Few(policy.Warnings(&p)) {
		warnings = append(warnings, reply.Warning(w))
	}
	return admission.Allowed("").WithWarnings(warnings...)
}
