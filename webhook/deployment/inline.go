package deployment

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/plan/inline"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/plancheck"
	"holdfast.dev/holdfast/webhook/reply"
)

// validateInline refuses a plan in annotations that has a mistake.
func validateInline(u update) error {
	_, errs := inline.Parse(planAnnotations(u.New))
	return reply.RefuseAll(errs)
}

// validateInlineChange does so for requests that change one: a mistake that came
// in while the webhook was down must not stop a Deployment from being scaled.
func (h *Handler) validateInlineChange(namespace string, d demand.Demands, u update) error {
	if u.Old.Annotation(v1alpha1.PlanAnnotation) != u.New.Annotation(v1alpha1.PlanAnnotation) {
		if err := validatePlanName(u); err != nil {
			return err
		}
	}
	if maps.Equal(planAnnotations(u.Old), planAnnotations(u.New)) {
		return nil
	}
	return h.validateInline(namespace, d, u)
}

// validateInline refuses a plan in annotations that has a mistake, or a query
// that is not asked for this namespace.
func (h *Handler) validateInline(namespace string, d demand.Demands, u update) error {
	spec, errs := inline.Parse(planAnnotations(u.New))
	if spec == nil || len(errs) > 0 {
		return reply.RefuseAll(errs)
	}
	at := field.NewPath("metadata", "annotations")
	refused, _ := plancheck.Tenancy(d, h.Endpoints, namespace, spec, func(q query.Tenanted) *field.Path {
		return at.Key(v1alpha1.MetricAnnotationPrefix + q.Metric)
	})
	for _, hook := range spec.Hooks {
		for _, mistake := range plancheck.HooksForbidden(d, h.HookHosts, namespace, &v1alpha1.CanaryPlanSpec{Hooks: []v1alpha1.Hook{hook}}) {
			mistake.Field = inline.HookPath(at, hook.Name).String()
			refused = append(refused, mistake)
		}
	}
	return reply.RefuseAll(refused)
}

// validatePlanName refuses the name of a plan that no plan can have.
func validatePlanName(u update) error {
	name := u.New.Annotation(v1alpha1.PlanAnnotation)
	if name == "" || plan.CheckName(name) == "" {
		return nil
	}
	return reply.RefuseAll(field.ErrorList{field.Invalid(field.NewPath("metadata", "annotations").Key(v1alpha1.PlanAnnotation), plaintext.Cut(name, 100),
		fmt.Sprintf("no CanaryPlan can have this name: %s; name one of the namespace, or take the annotation off", plan.CheckName(name)))})
}

// inlineTraps tells the traps of a plan in annotations, and what policies make
// of it, to those who change it.
func (h *Handler) inlineTraps(namespace string, d demand.Demands, u update) []string {
	annotations := planAnnotations(u.New)
	if maps.Equal(planAnnotations(u.Old), annotations) {
		return nil
	}
	spec, errs := inline.Parse(annotations)
	if spec == nil || len(errs) > 0 {
		return nil
	}
	return append(plancheck.Changes(d, spec), plancheck.Warnings(d, h.Endpoints, namespace, spec)...)
}

func planAnnotations(d workload.Deployment) map[string]string {
	out := map[string]string{}
	for key, value := range d.Annotations() {
		text, ok := value.(string)
		if ok && (inline.Reads(key)) {
			out[key] = text
		}
	}
	return out
}
