package replay

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"holdfast.dev/holdfast/internal/hold"
)

// membersOf are all fields of a template, and all objects and lists that they stand in.
func membersOf(t hold.Template) (*fieldpath.Set, error) {
	value, err := typedTemplate(t)
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	set, err := value.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("fields of the pod template: %w", err)
	}
	return withMembers(set), nil
}

// withMembers adds to a set all that its paths lead through.
func withMembers(set *fieldpath.Set) *fieldpath.Set {
	out := set.Copy()
	addMembers(out)
	return out
}

func addMembers(set *fieldpath.Set) {
	set.Children.Iterate(func(element fieldpath.PathElement) {
		set.Members.Insert(element)
		addMembers(set.Children.Descend(element))
	})
}

// untouched are the removed fields and elements that nothing was changed in.
func untouched(removed, changed *fieldpath.Set) *fieldpath.Set {
	out := fieldpath.NewSet()
	removed.Iterate(func(p fieldpath.Path) {
		for end := 1; end <= len(p); end++ {
			if removed.Has(p[:end]) && changed.Has(p[:end]) {
				return
			}
		}
		out.Insert(p.Copy())
	})
	return out
}
