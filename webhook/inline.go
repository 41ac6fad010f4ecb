package webhook

import (
	"maps"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/inline"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/workload"
)

// validateInline refuses a plan in annotations that has a mistake.
func validateInline(u update) error {
	_, errs := inline.Parse(planAnnotations(u.new))
	return refuseAll(errs)
}

// validateInlineChange does so for requests that change one: a mistake that came
// in while the webhook was down must not stop a Deployment from being scaled.
func (h *Handler) validateInlineChange(namespace string, d demands, u update) error {
	if maps.Equal(planAnnotations(u.old), planAnnotations(u.new)) {
		return nil
	}
	return h.validateInline(namespace, d, u)
}

// validateInline refuses a plan in annotations that has a mistake, or a query
// that is not asked for this namespace.
func (h *Handler) validateInline(namespace string, d demands, u update) error {
	spec, errs := inline.Parse(planAnnotations(u.new))
	if spec == nil || len(errs) > 0 {
		return refuseAll(errs)
	}
	at := field.NewPath("metadata", "annotations")
	refused, _ := d.planTenancy(h.Endpoints, namespace, spec, func(q query.Tenanted) *field.Path {
		return at.Key(v1alpha1.MetricAnnotationPrefix + q.Metric)
	})
	return refuseAll(refused)
}

// inlineTraps tells the traps of a plan in annotations, and what policies make
// of it, to those who change it.
func (h *Handler) inlineTraps(namespace string, d demands, u update) []string {
	annotations := planAnnotations(u.new)
	if maps.Equal(planAnnotations(u.old), annotations) {
		return nil
	}
	spec, errs := inline.Parse(annotations)
	if spec == nil || len(errs) > 0 {
		return nil
	}
	return append(d.planChanges(spec), d.planWarnings(h.Endpoints, namespace, spec)...)
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
