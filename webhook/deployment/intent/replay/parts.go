package replay

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"holdfast.dev/holdfast/internal/hold"
)

// part is what a set has of a template, with the keys of its elements.
func part(t hold.Template, set *fieldpath.Set) (hold.Template, error) {
	if set.Empty() {
		return nil, nil
	}
	value, err := typedTemplate(t)
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	return templateOf(value.ExtractItems(set.Leaves(), typed.WithAppendKeyFields())), nil
}

func merged(a, b hold.Template) (hold.Template, error) {
	x, err := typedTemplate(a)
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	y, err := typedTemplate(b)
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	out, err := x.Merge(y)
	if err != nil {
		return nil, fmt.Errorf("merge parts of pod templates: %w", err)
	}
	return templateOf(out), nil
}

// compare leaves out what says nothing.
func compare(from, to hold.Template) (*typed.Comparison, error) {
	a, err := typedTemplate(hold.Canonical(from))
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	b, err := typedTemplate(hold.Canonical(to))
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	return a.Compare(b)
}
