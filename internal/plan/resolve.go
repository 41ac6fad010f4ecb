package plan

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/plan/inline"
	"holdfast.dev/holdfast/internal/query"
)

// defaultPlan is the name of the plan that serves every Deployment of its
// namespace that names none.
const defaultPlan = "default"

// Limits of what a plan that is found is told by, in bytes.
const (
	maxName   = 100
	maxSource = 300 // of spec.planSource
)

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

// Found is what there is under the name of a plan: nil if nothing is, and for
// people whose plan it is.
type Found struct {
	Spec   *v1alpha1.CanaryPlanSpec
	Source string
	// Offered says that it is one that a policy offers.
	Offered bool
	// checked is what it comes to, nil where that is not known yet.
	checked *Resolved
}

// Checked is the plan with what it comes to, for whoever resolves it for several Deployments: reading its
// queries is most of the work.
func (f Found) Checked() Found {
	if f.Spec != nil {
		f.checked = new(f.resolve())
	}
	return f
}

// NameFor is the name of the plan that Resolve must be given for a Deployment,
// by its annotations and those of its namespace; "" where its own annotations are
// the plan.
func NameFor(deployment, namespace map[string]string) string {
	if inline.Present(deployment) {
		return ""
	}
	if name, _ := named(deployment, namespace); name != "" {
		return name
	}
	return defaultPlan
}

// named is the plan that somebody names, and who.
func named(deployment, namespace map[string]string) (name, by string) {
	if name := deployment[v1alpha1.PlanAnnotation]; name != "" {
		return name, "the Deployment"
	}
	return namespace[v1alpha1.PlanAnnotation], "the namespace"
}

// CheckName says why no CanaryPlan can have a name, and "" if one can.
func CheckName(name string) string {
	return strings.Join(validation.IsDNS1123Subdomain(name), "; ")
}

// Resolve finds the plan of a Deployment. The first of these that is there
// decides: annotations on the Deployment that are a plan, the plan that the
// Deployment names, the plan that its namespace names, the CanaryPlan "default",
// the built-in plan. found is what there is under the name that NameFor tells.
func Resolve(deployment, namespace map[string]string, found Found) Resolved {
	spec, errs := inline.Parse(deployment)
	switch {
	case len(errs) > 0:
		return Resolved{Reason: v1alpha1.ReasonPlanInvalid, Message: fmt.Sprintf(
			"the plan in the annotations of the Deployment cannot be followed: %s", errs.ToAggregate())}
	case spec != nil:
		return Resolved{Spec: *spec, Source: "annotations of the Deployment"}
	case found.Spec != nil:
		return found.resolve().saying(deployment)
	}
	name, by := named(deployment, namespace)
	switch {
	case name == "":
		return BuiltIn().saying(deployment)
	case CheckName(name) != "":
		return Resolved{Reason: v1alpha1.ReasonPlanNotFound, Message: fmt.Sprintf(
			"%s names CanaryPlan %q, a name that no CanaryPlan can have; change annotation %s, until then the update stays held",
			by, plaintext.Cut(name, maxName), v1alpha1.PlanAnnotation)}
	}
	return Resolved{Reason: v1alpha1.ReasonPlanNotFound, Message: fmt.Sprintf(
		"%s names CanaryPlan %q, which does not exist; create it or change annotation %s, until then the update stays held",
		by, plaintext.Cut(name, maxName), v1alpha1.PlanAnnotation)}
}

// BesideRecreate says whether somebody asks for a canary beside a Deployment whose strategy is Recreate: its
// annotation decides, and where there is none its plan, also one that cannot be followed yet.
func BesideRecreate(deployment map[string]string, found Found) bool {
	if said, _ := inline.BesideRecreate(deployment); said != nil {
		return *said
	}
	return found.Spec != nil && found.Spec.BesideRecreate
}

// saying is the plan with what the annotations of a Deployment say beside it.
func (r Resolved) saying(deployment map[string]string) Resolved {
	if said, _ := inline.BesideRecreate(deployment); said != nil {
		r.Spec.BesideRecreate = *said
	}
	return r
}

// ResolveRef is the plan that a run names, by what there is under that name.
func ResolveRef(name string, found Found) Resolved {
	if found.Spec == nil {
		return Resolved{Reason: v1alpha1.ReasonPlanNotFound, Message: fmt.Sprintf(
			"the run names CanaryPlan %q, which does not exist; create it, or delete the run", plaintext.Cut(name, maxName))}
	}
	out := found.resolve()
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

func (f Found) resolve() Resolved {
	if f.checked != nil {
		out := *f.checked
		out.Spec = *out.Spec.DeepCopy()
		return out
	}
	spec := *f.Spec.DeepCopy()
	spec.SetDefaults()
	if errs := query.ValidatePlan(&spec, field.NewPath("spec")); len(errs) > 0 {
		return Resolved{Reason: v1alpha1.ReasonPlanInvalid, Message: fmt.Sprintf(
			"%s cannot be followed; mend it, until then the update stays held: %s", f.Source, errs.ToAggregate())}
	}
	return Resolved{Spec: spec, Source: plaintext.Line(f.Source, maxSource)}
}
