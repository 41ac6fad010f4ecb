package replay

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// Manifest is a whole manifest that a client merged three ways with the stable
// template by itself, as Helm 3 does.
type Manifest struct {
	// Stable is what it was merged with, Merged what came of it.
	Stable, Merged hold.Template
	// Fields of Merged belong to the client, in FieldsV1 form.
	Fields map[string]any
	// AskedForHeld: the held template is what this client asked for last.
	AskedForHeld bool
}

// Manifests returns the client's manifest before and now, as far as they can be
// told, for a three-way merge with the held template. A manifest is taken to be
// what the client owns and said itself: values that the API server filled in are
// nobody's wish. What the client took out of the stable template stood in its
// manifest before.
func Manifests(held Owned, m Manifest, by By) (before, now hold.Template, err error) {
	own, err := held.fieldsOf(hold.Owner{Manager: by.Manager, Operation: ownership.Update, APIVersion: by.APIVersion})
	if err != nil {
		return nil, nil, err
	}
	said, err := m.said(held.Template, own)
	if err != nil {
		return nil, nil, err
	}
	saidBefore, err := saidOf(held.Template, own)
	if err != nil {
		return nil, nil, err
	}
	still, err := m.still(saidBefore)
	if err != nil {
		return nil, nil, err
	}
	if said, err = m.whole(said.Union(still), held.Template); err != nil {
		return nil, nil, err
	}
	if now, err = part(m.Merged, said); err != nil {
		return nil, nil, err
	}
	toMerged, err := compare(m.Stable, m.Merged)
	if err != nil {
		return nil, nil, err
	}
	taken, err := part(m.Stable, toMerged.Removed)
	if err != nil {
		return nil, nil, err
	}
	if now, err = m.emptied(now, toMerged.Removed, held.Template); err != nil {
		return nil, nil, err
	}
	if before, err = part(held.Template, saidBefore); err != nil {
		return nil, nil, err
	}
	before, err = merged(before, taken)
	return before, now, err
}

// still is what a client said before and says now: what it drops it takes out of
// the stable template too, whoever owns it there.
func (m Manifest) still(before *fieldpath.Set) (*fieldpath.Set, error) {
	there, err := membersOf(m.Merged)
	if err != nil {
		return nil, err
	}
	return before.Intersection(there), nil
}

// whole adds to what a client said the rest of each object of which the held
// template has nothing: a change of the path of a probe would come without its port.
func (m Manifest) whole(said *fieldpath.Set, held hold.Template) (*fieldpath.Set, error) {
	before, err := membersOf(held)
	if err != nil {
		return nil, err
	}
	there, err := membersOf(m.Merged)
	if err != nil {
		return nil, err
	}
	missing := fieldpath.NewSet()
	said.Iterate(func(p fieldpath.Path) {
		for end := 1; end < len(p); end++ {
			if !before.Has(p[:end]) {
				missing.Insert(p[:end].Copy())
				return
			}
		}
	})
	out := said.Union(fieldpath.NewSet())
	there.Iterate(func(p fieldpath.Path) {
		for end := 1; end <= len(p); end++ {
			if missing.Has(p[:end]) {
				out.Insert(p.Copy())
				return
			}
		}
	})
	return out, nil
}

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

// fieldsOf are the fields of one owner.
func (o Owned) fieldsOf(owner hold.Owner) (*fieldpath.Set, error) {
	for _, one := range o.Owners {
		if identity(one) != identity(owner) {
			continue
		}
		set, err := decodeFields(one.Fields)
		if err != nil {
			return nil, fmt.Errorf("fields of manager %q: %w", one.Manager, err)
		}
		return set, nil
	}
	return fieldpath.NewSet(), nil
}

// said is what the manifest says. A field that the client dropped with the held
// template, and that still is in the stable one, may be said again or not: either
// way the client sends nothing. It is taken to be said if the client goes back to
// the stable template in all else that is its own there.
func (m Manifest) said(held hold.Template, own *fieldpath.Set) (*fieldpath.Set, error) {
	fields, err := decodeFields(m.Fields)
	if err != nil {
		return nil, fmt.Errorf("fields of the writer: %w", err)
	}
	said, err := saidOf(m.Merged, fields)
	if err != nil || !m.AskedForHeld {
		return said, err
	}
	toHeld, err := compare(m.Stable, held)
	if err != nil {
		return nil, err
	}
	toMerged, err := compare(m.Stable, m.Merged)
	if err != nil {
		return nil, err
	}
	differs, changed := toHeld.Modified.Union(toHeld.Added).Leaves().Intersection(own), toMerged.Modified.Union(toMerged.Added)
	if !differs.Empty() && differs.Intersection(changed).Empty() {
		return said, nil
	}
	// What then is left of an object or a list without anything in it was not said: others may have something
	// there.
	left := said.Difference(untouched(toHeld.Removed, withMembers(changed)))
	return withMembers(left.Leaves().Intersection(said.Leaves())), nil
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

// Said are an owner's fields of a template without those that have the API's
// defaults, in FieldsV1 form: those that it would own if it had applied them.
func Said(t hold.Template, fields map[string]any) (map[string]any, error) {
	owned, err := decodeFields(fields)
	if err != nil {
		return nil, fmt.Errorf("fields of the writer: %w", err)
	}
	said, err := saidOf(t, owned)
	if err != nil {
		return nil, err
	}
	applied, err := part(t, said.Intersection(owned))
	if err != nil {
		return nil, err
	}
	return FieldsOf(applied)
}

// FieldsOf are the fields that an applier of a configuration would own, in
// FieldsV1 form.
func FieldsOf(configuration hold.Template) (map[string]any, error) {
	value, err := typedTemplate(configuration)
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	set, err := value.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("fields of the pod template: %w", err)
	}
	return encodeFields(set)
}

// saidOf leaves out of an owner's fields those that have the API's defaults. It
// has every field and element that something is said below of.
func saidOf(t hold.Template, owned *fieldpath.Set) (*fieldpath.Set, error) {
	value, err := typedTemplate(hold.Canonical(t))
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	said, err := value.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("fields of the pod template: %w", err)
	}
	return withMembers(said.Intersection(withMembers(owned))), nil
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

// emptied has in a manifest, without anything in them, the objects and lists of the held template that the
// client took something out of, and left, in the stable one. Without them the manifest would say that they go
// whole, with what others have there.
func (m Manifest) emptied(now hold.Template, removed *fieldpath.Set, held hold.Template) (hold.Template, error) {
	left, err := membersOf(m.Merged)
	if err != nil {
		return nil, err
	}
	there, err := membersOf(held)
	if err != nil {
		return nil, err
	}
	left = left.Intersection(there)
	out := hold.Template{}
	if now != nil {
		out = runtime.DeepCopyJSON(now)
	}
	removed.Iterate(func(p fieldpath.Path) {
		end := 0
		for end < len(p) && left.Has(p[:end+1]) {
			end++
		}
		if end < len(p) {
			open(out, m.Merged, p[:end])
		}
	})
	if len(out) == 0 {
		return now, nil
	}
	return out, nil
}

// open makes the objects and lists that a path leads through, as they are of another object, and empty but
// for the keys of elements.
func open(in, as any, p fieldpath.Path) any {
	if len(p) == 0 {
		return in
	}
	switch of := as.(type) {
	case map[string]any:
		object, _ := in.(map[string]any)
		name := p[0].FieldName
		if object == nil || name == nil {
			return in
		}
		inner := object[*name]
		if inner == nil {
			inner = emptyAs(of[*name])
		}
		if inner != nil {
			object[*name] = open(inner, of[*name], p[1:])
		}
		return object
	case []any:
		list, _ := in.([]any)
		if p[0].Key == nil {
			return in
		}
		element := elementOf(of, *p[0].Key)
		if element == nil {
			return in
		}
		if mine := elementOf(list, *p[0].Key); mine != nil {
			open(mine, element, p[1:])
			return list
		}
		fresh := map[string]any{}
		for _, field := range *p[0].Key {
			if key, said := element[field.Name]; said {
				fresh[field.Name] = key
			}
		}
		open(fresh, element, p[1:])
		return append(list, fresh)
	}
	return in
}

func emptyAs(v any) any {
	switch v.(type) {
	case map[string]any:
		return map[string]any{}
	case []any:
		return []any{}
	}
	return nil
}

// elementOf is the element of a list with a key, nil if there is none.
func elementOf(list []any, key value.FieldList) map[string]any {
	for _, each := range list {
		element, _ := each.(map[string]any)
		if element != nil && !slices.ContainsFunc(key, func(f value.Field) bool {
			said, has := element[f.Name]
			return has && !value.Equals(value.NewValueInterface(said), f.Value) // what is not said has the default that the key has
		}) {
			return element
		}
	}
	return nil
}
