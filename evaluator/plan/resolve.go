package plan

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/inline"
	"holdfast.dev/holdfast/internal/query"
)

// defaultPlan is the name of the plan that serves every Deployment of its
// namespace that names none.
const defaultPlan = "default"

// Resolved is the plan a Deployment is tried by, or why there is none.
type Resolved struct {
	Spec   v1alpha1.CanaryPlanSpec
	Source string
	// Changes are what policies changed in it.
	Changes []v1alpha1.PolicyChange
	// Reason is "" where there is a plan; otherwise PlanNotFound or PlanInvalid,
	// and Message says what to do.
	Reason, Message string
}

// Finder returns the plan of a name and says for people whose it is; nil if
// there is none.
type Finder func(name string) (spec *v1alpha1.CanaryPlanSpec, source string)

// Resolve finds the plan of a Deployment. The first of these that is there
// decides: annotations on the Deployment that are a plan, the plan that the
// Deployment names, the plan that its namespace names, the CanaryPlan "default",
// the built-in plan. find knows the CanaryPlans of the namespace, and what
// policies offer where it has none of a name.
func Resolve(deployment, namespace map[string]string, find Finder) Resolved {
	if inline.Present(deployment) {
		spec, errs := inline.Parse(deployment)
		if len(errs) > 0 {
			return Resolved{Reason: v1alpha1.ReasonPlanInvalid, Message: fmt.Sprintf(
				"the plan in the annotations of the Deployment cannot be followed: %s", errs.ToAggregate())}
		}
		return Resolved{Spec: *spec, Source: "annotations of the Deployment"}
	}
	for _, by := range []struct{ name, who string }{
		{deployment[v1alpha1.PlanAnnotation], "the Deployment"},
		{namespace[v1alpha1.PlanAnnotation], "the namespace"},
	} {
		if by.name == "" {
			continue
		}
		spec, source := find(by.name)
		if spec == nil {
			return Resolved{Reason: v1alpha1.ReasonPlanNotFound, Message: fmt.Sprintf(
				"%s names CanaryPlan %q, which does not exist; create it or change annotation %s, until then the update stays held",
				by.who, clip(by.name, 100), v1alpha1.PlanAnnotation)}
		}
		return named(source, *spec)
	}
	if spec, source := find(defaultPlan); spec != nil {
		return named(source, *spec)
	}
	return BuiltIn()
}

// ResolveRef finds the plan that a run names. find is that of Resolve.
func ResolveRef(name string, find Finder) Resolved {
	spec, source := find(name)
	if spec == nil {
		return Resolved{Reason: v1alpha1.ReasonPlanNotFound, Message: fmt.Sprintf(
			"the run names CanaryPlan %q, which does not exist; create it, or delete the run", clip(name, 100))}
	}
	out := named(source, *spec)
	if out.Reason != "" {
		out.Message = strings.Replace(out.Message, "the update stays held", "the run waits", 1)
	}
	return out
}

// BuiltIn is the plan of those who wrote none: one pod, 15 minutes, judged by
// the health of the canary pods.
func BuiltIn() Resolved {
	out := Resolved{Source: "built-in"}
	out.Spec.SetDefaults()
	return out
}

func named(source string, spec v1alpha1.CanaryPlanSpec) Resolved {
	spec = *spec.DeepCopy()
	spec.SetDefaults()
	if errs := query.ValidatePlan(&spec, field.NewPath("spec")); len(errs) > 0 {
		return Resolved{Reason: v1alpha1.ReasonPlanInvalid, Message: fmt.Sprintf(
			"%s cannot be followed; mend it, until then the update stays held: %s", source, errs.ToAggregate())}
	}
	return Resolved{Spec: spec, Source: clip(source, 300)} // the limit of spec.planSource
}
