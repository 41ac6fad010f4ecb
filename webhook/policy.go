package webhook

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
)

// PolicyHandler answers the admission requests for CanaryPolicies: it refuses
// the mistakes that the schema cannot see, and warns of what a policy leaves to
// plans. It fails open, as PlanHandler does: a
// policy with a mistake says so in its status, and holds updates rather than
// letting them through.
type PolicyHandler struct{}

var _ admission.Handler = PolicyHandler{}

// Handle answers one request.
func (PolicyHandler) Handle(ctx context.Context, req admission.Request) admission.Response {
	var p v1alpha1.CanaryPolicy
	if err := json.Unmarshal(req.Object.Raw, &p); err != nil {
		return admission.Allowed("").WithWarnings("the policy was not checked: it cannot be decoded")
	}
	if errs := policy.Validate(&p, field.NewPath("spec")); len(errs) > 0 {
		ctrl.LoggerFrom(ctx).Info("policy refused", "mistakes", len(errs))
		return invalid(errs)
	}
	var warnings []string
	for _, w := range few(policy.Warnings(&p)) {
		warnings = append(warnings, warning(w))
	}
	return admission.Allowed("").WithWarnings(warnings...)
}

// assumedReplicas stand in for those of a Deployment where a plan is written
// that many may be tried by.
const assumedReplicas = 100

// planChanges tells what policies will make of a plan.
func (d demands) planChanges(spec *v1alpha1.CanaryPlanSpec) []string {
	_, changes := d.Apply(*spec, assumedReplicas)
	if len(changes) == 0 {
		return nil
	}
	return []string{warning("runs of this plan will differ from it: " + policy.Sentences(changes, 900))}
}

// mayAsk refuses a plan that names an endpoint which policies do not allow.
func (d demands) mayAsk(spec *v1alpha1.CanaryPlanSpec) field.ErrorList {
	may, by := d.MayAsk(spec.Analysis.Endpoint)
	if may {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec", "analysis", "endpoint"),
		fmt.Sprintf("CanaryPolicy %s does not let plans of this namespace name it", by))}
}
