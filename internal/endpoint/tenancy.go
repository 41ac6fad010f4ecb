package endpoint

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query/tenancy"
)

// Tenancy keeps the queries of each namespace to series of its own, on a server
// that has those of several. The zero value does not.
type Tenancy struct {
	// Label is one whose value is the namespace of a series.
	Label string `json:"label,omitempty"`
	// Matchers are put on every selector beside it. {{namespace}} in a value
	// stands for the namespace of the run.
	Matchers []string `json:"matchers,omitempty"`
}

// Enforced says whether any matcher is put on queries.
func (t Tenancy) Enforced() bool { return t.Label != "" || len(t.Matchers) > 0 }

// With is the tenancy with more matchers, as policies demand them.
func (t Tenancy) With(matchers []string) Tenancy {
	t.Matchers = slices.Concat(t.Matchers, matchers)
	return t
}

// MatchersFor are the matchers for the queries of a namespace, none without tenancy.
func (t Tenancy) MatchersFor(namespace string) (tenancy.Matchers, error) {
	if !t.Enforced() {
		return nil, nil
	}
	var all tenancy.Matchers
	if t.Label != "" {
		m, err := tenancy.ByLabel(t.Label)
		if err != nil {
			return nil, fmt.Errorf("label %q %w", t.Label, err)
		}
		all = append(all, m)
	}
	for _, text := range t.Matchers {
		m, err := tenancy.ParseMatcher(text)
		if err != nil {
			return nil, fmt.Errorf("matcher %q %w", text, err)
		}
		all = append(all, m)
	}
	return tenancy.ForNamespace(all, namespace)
}

func (t Tenancy) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if t.Label != "" {
		if _, err := tenancy.ByLabel(t.Label); err != nil {
			errs = append(errs, field.Invalid(at.Child("label"), plaintext.Cut(t.Label, 80), err.Error()))
		}
	}
	for i, text := range t.Matchers {
		if _, err := tenancy.ParseMatcher(text); err != nil {
			errs = append(errs, field.Invalid(at.Child("matchers").Index(i), plaintext.Cut(text, 100), err.Error()))
		}
	}
	return errs
}
