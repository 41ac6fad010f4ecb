package intent

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/internal/hold"
)

// maxElements is how many elements lists may have that change and are merged by a
// key. Several count by the sum of their squares: strategicpatch looks for each
// element in the whole list, and for 1500 of them that takes half a second.
const maxElements = 1500

// maxApplied is how many there may be where the library of the API server merges, by the owners of fields:
// for 3000 of them, all exchanged, that takes a second.
const maxApplied = 3000

// mergeable refuses versions of a template that strategicpatch would take long
// to merge, or cannot. To take what is asked for instead would lose what is held
// and was not asked for again.
func mergeable(schema strategicpatch.LookupPatchMeta, versions ...hold.Template) error {
	otherwise := fmt.Sprintf("use kubectl apply --server-side (fewer than %d) or kubectl replace with a manifest, which merges nothing here", maxApplied)
	return within(maxElements, otherwise, schema, versions...)
}

// appliable refuses versions of a template that an apply by owners would take long to merge.
func appliable(versions ...hold.Template) error {
	schema, err := podTemplateSchema()
	if err != nil {
		return err
	}
	return within(maxApplied, "use kubectl replace with a manifest, which merges nothing here", schema, versions...)
}

func within(most int, otherwise string, schema strategicpatch.LookupPatchMeta, versions ...hold.Template) error {
	var e effort
	if err := e.object(nil, versions, schema); err != nil {
		return err
	}
	if e.squares < most*most {
		return nil
	}
	return fmt.Errorf("%s has %d elements: while an update is held, lists that change must have fewer than %d, all together, to be merged with it; "+
		"%s, or move elements into a ConfigMap", e.longestAt, e.longest, most, otherwise)
}

// effort is what it takes to merge versions of a template.
type effort struct {
	squares   int // the sum of the squares of the lengths of lists
	longest   int
	longestAt *field.Path
}

// object adds what the lists of an object take.
func (e *effort) object(at *field.Path, versions []map[string]any, schema strategicpatch.LookupPatchMeta) error {
	done := map[string]bool{}
	for _, version := range versions {
		for name := range version {
			if done[name] {
				continue
			}
			done[name] = true
			if err := e.field(at.Child(name), name, versions, schema); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *effort) field(at *field.Path, name string, versions []map[string]any, schema strategicpatch.LookupPatchMeta) error {
	var objects []map[string]any
	var lists [][]any
	for _, version := range versions {
		object, _ := version[name].(map[string]any)
		list, _ := version[name].([]any)
		objects, lists = append(objects, object), append(lists, list)
	}
	if slices.ContainsFunc(objects, func(o map[string]any) bool { return len(o) > 0 }) {
		below, _, err := schema.LookupPatchMetadataForStruct(name)
		if err != nil || below == (lenient{}) { // nothing below is merged
			return err
		}
		return e.object(at, objects, below)
	}
	key, below, err := mergeKey(name, schema)
	if err != nil || key == "" || allEqual(lists) {
		return err
	}
	return e.list(at, key, lists, below)
}

// list adds what a list takes that is not the same in all versions.
func (e *effort) list(at *field.Path, key string, lists [][]any, schema strategicpatch.LookupPatchMeta) error {
	length := 0
	elements := map[any][]map[string]any{}
	for _, list := range lists {
		length = max(length, len(list))
		for i, element := range list {
			object, _ := element.(map[string]any)
			k := keyOf(element, key)
			if object != nil && k == nil && object[key] != nil {
				return fmt.Errorf("%s is a list or an object, and elements are told apart by it", at.Index(i).Child(key))
			}
			elements[k] = append(elements[k], object)
		}
	}
	e.squares += length * length
	if length > e.longest {
		e.longest, e.longestAt = length, at
	}
	for k, versions := range elements {
		if err := e.object(at.Key(fmt.Sprint(k)), versions, schema); err != nil {
			return err
		}
	}
	return nil
}

func allEqual(lists [][]any) bool {
	return !slices.ContainsFunc(lists, func(l []any) bool { return !hold.Equal(l, lists[0]) })
}
