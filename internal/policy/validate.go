package policy

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/tenancy"
	"holdfast.dev/holdfast/internal/query/trap"
)

// Validate checks what the schema cannot see: selector, queries, time zones, and
// whether the built-in plan and those that are offered can be followed within
// the bounds of the policy itself. path is where the spec stands.
func Validate(policy *v1alpha1.CanaryPolicy, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	spec := &policy.Spec
	if _, err := metav1.LabelSelectorAsSelector(&spec.NamespaceSelector); err != nil {
		errs = append(errs, field.Invalid(path.Child("namespaceSelector"), metav1.FormatLabelSelector(&spec.NamespaceSelector), err.Error()))
	}
	for i, text := range spec.Prometheus.Matchers {
		if _, err := tenancy.ParseMatcher(text); err != nil {
			errs = append(errs, field.Invalid(path.Child("prometheus", "matchers").Index(i), plaintext.Cut(text, maxChange), err.Error()))
		}
	}
	errs = append(errs, outbound.ValidateHosts(spec.Hooks.Hosts, path.Child("hooks", "hosts"))...)
	for i, name := range spec.RestartMarks {
		if err := hold.ValidateMark(name); err != nil {
			errs = append(errs, field.Invalid(path.Child("restartMarks").Index(i), plaintext.Cut(name, maxChange), err.Error()))
		}
	}
	errs = append(errs, query.ValidateProbeAmounts(spec.Limits.MaxProbeResources, path.Child("limits", "maxProbeResources"))...)
	named := *policy
	if named.Name == "" { // of an object whose name the API server makes
		named.Name = "this policy"
	}
	own := Combine([]v1alpha1.CanaryPolicy{named})
	var builtIn v1alpha1.CanaryPlanSpec
	builtIn.SetDefaults()
	applied, _ := own.Apply(builtIn, 1)
	errs = append(errs, namedAsInPolicy(query.ValidatePlan(&applied, path), path)...)
	for i, offered := range spec.Plans {
		at := path.Child("plans").Index(i).Child("spec")
		plan := *offered.Spec.DeepCopy()
		plan.SetDefaults()
		if mistakes := query.ValidatePlan(&plan, at); len(mistakes) > 0 {
			errs = append(errs, mistakes...)
			continue
		}
		if len(errs) > 0 { // the same mistakes would be told of each plan
			continue
		}
		applied, _ := own.Apply(plan, 1)
		for _, mistake := range query.ValidatePlan(&applied, at) {
			mistake.Detail = "within the bounds of the policy: " + mistake.Detail
			errs = append(errs, mistake)
		}
	}
	return errs
}

// Warnings tell what a policy leaves to plans that its author may not mean to, and
// the traps in what it demands and offers.
func Warnings(policy *v1alpha1.CanaryPolicy) []string {
	spec := &policy.Spec
	var out []string
	if asks := slices.ContainsFunc(spec.Metrics, func(m v1alpha1.Metric) bool { return m.Labels == nil }); asks && spec.Prometheus.Endpoints == nil {
		out = append(out, "spec.metrics are asked of the endpoint that a plan names, and spec.prometheus.endpoints does not say which those may be: "+
			"a tenant whose own Prometheus is one of them answers for itself; name the ones you trust, such as ["+DefaultEndpoint+"]")
	}
	own := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: spec.Metrics}}
	out = append(out, trap.OfPlan(&own, 0)...)
	for _, offered := range spec.Plans {
		plan := *offered.Spec.DeepCopy()
		plan.SetDefaults()
		for _, trap := range trap.OfPlan(&plan, 0) {
			out = append(out, fmt.Sprintf("plan %s, %s", offered.Name, trap))
		}
		if plan.Probe != nil && plan.Probe.Capture == v1alpha1.ProbeByRedirect && spec.Limits.ProbeCapture != v1alpha1.ProbeByRedirect {
			out = append(out, fmt.Sprintf("plan %s has probe.capture: Redirect, which cannot be followed where no policy allows it; set spec.limits.probeCapture: Redirect", offered.Name))
		}
	}
	return out
}

// namedAsInPolicy names the fields of the policy where those of a plan are named.
func namedAsInPolicy(errs field.ErrorList, path *field.Path) field.ErrorList {
	for _, err := range errs {
		for part, here := range map[string]string{"analysis.metrics": "metrics", "deadline": "limits.maxDeadline"} {
			if rest, found := strings.CutPrefix(err.Field, path.Child(part).String()); found {
				err.Field = path.Child(here).String() + rest
			}
		}
	}
	return errs
}

// Sentence tells people of a change that a policy makes to a plan.
func Sentence(c v1alpha1.PolicyChange) string {
	with, adds := strings.CutPrefix(c.To, added)
	switch {
	case adds && c.From == "":
		return fmt.Sprintf("CanaryPolicy %s adds %s%s", c.Policy, c.Field, with)
	case adds:
		return fmt.Sprintf("CanaryPolicy %s has its own %s%s in place of %s", c.Policy, c.Field, with, c.From)
	case c.From == "":
		return fmt.Sprintf("CanaryPolicy %s sets %s to %s", c.Policy, c.Field, c.To)
	}
	return fmt.Sprintf("CanaryPolicy %s sets %s to %s, not %s", c.Policy, c.Field, c.To, c.From)
}

// Sentences tells of changes, as many as fit into so many bytes.
func Sentences(changes []v1alpha1.PolicyChange, limit int) string {
	var out string
	for i, c := range changes {
		next := Sentence(c)
		if i > 0 {
			next = "; " + next
		}
		if more := fmt.Sprintf("; %d more", len(changes)-i); len(out)+len(next)+len(more) > limit && i > 0 {
			return out + more
		}
		out += next
	}
	return out
}
