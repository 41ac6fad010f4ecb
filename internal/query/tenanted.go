package query

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query/tenancy"
)

// Tenanted is what an endpoint with tenancy makes of one query of a plan.
type Tenanted struct {
	// Metric is the name of the metric, Path where the query stands in the plan.
	Metric string
	Path   *field.Path
	// Text is the query as the user wrote it.
	Text string
	// Refused says why it will not be asked, nil if it will.
	Refused *Error
	// Empty are the selectors that can have no data.
	Empty []Error
}

// PlanTenancy looks at all queries of a plan, for a namespace with these
// matchers on its queries. Queries with a mistake it leaves out.
func PlanTenancy(spec *v1alpha1.CanaryPlanSpec, namespace string, matchers tenancy.Matchers, path *field.Path) []Tenanted {
	var out []Tenanted
	look := func(metrics []v1alpha1.Metric, at *field.Path) {
		for i, m := range metrics {
			if spec.Analysis.ReadsProbes(m) { // of nobody but the run's own pods
				continue
			}
			for _, q := range queriesOf(m, at.Index(i)) {
				q.look(namespace, matchers)
				out = append(out, q.Tenanted)
			}
		}
	}
	look(spec.Analysis.Metrics, path.Child("analysis", "metrics"))
	for i, step := range spec.Steps {
		look(step.Metrics, path.Child("steps").Index(i).Child("metrics"))
	}
	return out
}

// tenanted is one query that is being looked at.
type tenanted struct {
	Tenanted
	template Template
}

func queriesOf(m v1alpha1.Metric, at *field.Path) []tenanted {
	var out []tenanted
	add := func(template Template, err error, path *field.Path) {
		if err == nil && template.String() != "" {
			out = append(out, tenanted{Tenanted{Metric: m.Name, Path: path, Text: template.String()}, template})
		}
	}
	if m.Compare != nil && m.Compare.Count != nil {
		count := at.Child("compare", "count")
		for _, counter := range []struct{ name, text string }{{"bad", m.Compare.Count.Bad}, {"good", m.Compare.Count.Good}, {"total", m.Compare.Count.Total}} {
			if counter.text != "" {
				template, err := ParseCounter(counter.text)
				add(template, err, count.Child(counter.name))
			}
		}
		return out
	}
	subject := "query"
	switch {
	case m.Expect != "":
		subject = "expect"
	case m.Alerts != nil:
		subject = "alerts"
	}
	template, err := TemplateOf(m, "")
	add(template, err, at.Child(subject))
	return out
}

func (q *tenanted) look(namespace string, matchers tenancy.Matchers) {
	values := samples
	values.Namespace = namespace
	rendered, err := q.template.Fill(values)
	if err != nil {
		q.Refused = ErrorAt(q.Text, 0, "%s", err)
		return
	}
	place := func(e *tenancy.Error) *Error {
		return ErrorAt(q.Text, q.template.Origin(e.Offset, values), "%s", e.Message)
	}
	var refused *tenancy.Error
	switch _, err := tenancy.Enforce(rendered, matchers); {
	case errors.As(err, &refused):
		q.Refused = place(refused)
	case err != nil:
		q.Refused = ErrorAt(q.Text, 0, "%s", err)
	}
	for _, e := range tenancy.Conflicts(rendered, matchers) {
		q.Empty = append(q.Empty, *place(&e))
	}
}

// Warnings are the sentences about selectors without data.
func (t Tenanted) Warnings() []string {
	var out []string
	for i := range t.Empty {
		out = append(out, fmt.Sprintf("metric %s, %s", t.Metric, &t.Empty[i]))
	}
	return out
}
