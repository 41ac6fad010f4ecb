package plan

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/query"
)

// maxChanges is how many changes by policies a run remembers.
const maxChanges = 128

// Bounded brings a plan within the bounds of policies, beside a Deployment of so
// many replicas. What no bound can mend, and what the bounds leave nothing of,
// keeps the update held.
func (r Resolved) Bounded(demands policy.Effective, replicas int32) Resolved {
	if r.Reason != "" {
		return r
	}
	spec, changes := r.Spec, []v1alpha1.PolicyChange(nil)
	if len(demands.Policies) > 0 {
		spec, changes = demands.Apply(r.Spec, replicas)
	} else {
		spec.ImplyProbe()
	}
	if why := demands.CaptureForbidden(&spec); why != "" {
		return Resolved{Reason: v1alpha1.ReasonPlanInvalid, Message: fmt.Sprintf(
			"the plan (%s) cannot be followed, until then the update stays held: spec.probe.capture: %s", r.Source, why)}
	}
	if len(demands.Policies) == 0 {
		r.Spec = spec
		return r
	}
	if may, by := demands.MayAsk(r.Spec.Analysis.Endpoint); !may && !spec.OnlyReadsProbes() { // with the policies' own metrics
		endpoint := r.Spec.Analysis.Endpoint
		if endpoint == "" {
			endpoint = policy.DefaultEndpoint
		}
		return Resolved{Reason: v1alpha1.ReasonPlanInvalid, Message: fmt.Sprintf(
			"CanaryPolicy %s does not let plans of this namespace name the endpoint %s, as the plan (%s) does; name another, until then the update stays held",
			by, endpoint, r.Source)}
	}
	if errs := query.ValidatePlan(&spec, field.NewPath("spec")); len(errs) > 0 {
		return Resolved{Reason: v1alpha1.ReasonPlanInvalid, Message: fmt.Sprintf(
			"with what policies demand (%s) the plan (%s) cannot be followed, until then the update stays held: %s",
			strings.Join(demands.Policies, ", "), r.Source, errs.ToAggregate())}
	}
	r.Spec, r.Changes = spec, changes[:min(len(changes), maxChanges)]
	return r
}
