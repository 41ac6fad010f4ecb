package backtest

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// Prepared is a plan that can be tried on the past, and what was left out of it.
type Prepared struct {
	Spec  v1alpha1.CanaryPlanSpec
	Notes []string
}

// Prepare checks a plan, sets its defaults and leaves out what was not recorded.
// The plan it is given stays as it is.
func Prepare(spec v1alpha1.CanaryPlanSpec) (Prepared, error) {
	p := Prepared{Spec: *spec.DeepCopy()}
	p.Spec.SetDefaults()
	if errs := query.ValidatePlan(&p.Spec, field.NewPath("spec")); len(errs) > 0 {
		return Prepared{}, fmt.Errorf("the plan cannot be followed: %w", errs.ToAggregate())
	}
	var left []string
	recorded := func(metrics []v1alpha1.Metric) []v1alpha1.Metric {
		return slices.DeleteFunc(metrics, func(m v1alpha1.Metric) bool {
			if m.Labels != nil {
				left = append(left, m.Name)
			}
			return m.Labels != nil
		})
	}
	p.Spec.Analysis.Metrics = recorded(p.Spec.Analysis.Metrics)
	approval := false
	for i := range p.Spec.Steps {
		p.Spec.Steps[i].Metrics = recorded(p.Spec.Steps[i].Metrics)
		approval = approval || p.Spec.Steps[i].Approval
	}
	if len(left) > 0 {
		p.note("left out, for labels of objects are not recorded: %s", strings.Join(left, ", "))
	}
	if approval {
		p.note("every step that needs approval counts as approved at once")
	}
	if p.Spec.Manual != nil {
		p.Spec.Manual = nil
		p.note("the verdict is that of the analysis alone: what a person would have decided is not known")
	}
	if p.uses(query.Stable) || p.uses(query.Baseline) || p.Spec.Baseline != nil || len(p.Spec.Comparisons()) > 0 {
		p.note("stable and baseline are the pods of the ReplicaSets before, which are taken for healthy, and which a rollout takes away: from then on there is no data of them")
	}
	return p, nil
}

func (p *Prepared) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

func (p *Prepared) uses(placeholder query.Placeholder) bool {
	return slices.ContainsFunc(p.Templates(query.Labels{}), func(t query.Template) bool { return t.Uses(placeholder) })
}

// Templates are the queries of all metrics of the plan.
func (p *Prepared) Templates(labels query.Labels) []query.Template {
	metrics := slices.Clone(p.Spec.Analysis.Metrics)
	for _, s := range p.Spec.Steps {
		metrics = append(metrics, s.Metrics...)
	}
	var out []query.Template
	for _, m := range metrics {
		if t, err := query.TemplateOf(m, labels.Pod); err == nil && t.String() != "" {
			out = append(out, t)
		}
		if m.Compare == nil || m.Compare.Count == nil {
			continue
		}
		for _, counter := range []string{m.Compare.Count.Bad, m.Compare.Count.Good, m.Compare.Count.Total} {
			if t, err := query.ParseCounter(counter); err == nil {
				out = append(out, t)
			}
		}
	}
	return out
}
