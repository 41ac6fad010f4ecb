package replay

import (
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

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
		if key := p[0].Key; key != nil {
			if element := elementOf(of, *key); element != nil {
				return openElement(list, element, *key, p[1:])
			}
		}
	}
	return in
}

// openElement opens the element of a list that has a key, as it is of another list, and adds one if there is
// none.
func openElement(list []any, as map[string]any, key value.FieldList, p fieldpath.Path) []any {
	if mine := elementOf(list, key); mine != nil {
		open(mine, as, p)
		return list
	}
	fresh := map[string]any{}
	for _, field := range key {
		if said, has := as[field.Name]; has {
			fresh[field.Name] = said
		}
	}
	open(fresh, as, p)
	return append(list, fresh)
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
