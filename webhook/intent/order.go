package intent

import (
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"holdfast.dev/holdfast/api/hold"
)

// orderDirective begins the keys by which a strategic merge patch says in which
// order the elements of a list stand.
const orderDirective = "$setElementOrder/"

// ordered says in a patch, which was computed on another template, in which order
// the elements of lists stand where the template has some that the patch does
// not know of: those of the template as they were, then what is new, as if the
// patch had been computed on it. Patches that were not, and say nothing of order,
// put what is new first.
func ordered(patch []byte, onto hold.Template, schema strategicpatch.LookupPatchMeta, newFirst bool) ([]byte, error) {
	var change map[string]any
	if err := json.Unmarshal(patch, &change); err != nil {
		return nil, fmt.Errorf("decode the difference of pod templates: %w", err)
	}
	if err := order(change, onto, schema, newFirst); err != nil {
		return nil, err
	}
	out, err := json.Marshal(change)
	if err != nil {
		return nil, fmt.Errorf("encode the difference of pod templates: %w", err)
	}
	return out, nil
}

func order(change, live map[string]any, schema strategicpatch.LookupPatchMeta, newFirst bool) error {
	for field, value := range change {
		switch value := value.(type) {
		case map[string]any:
			below, _, err := schema.LookupPatchMetadataForStruct(field)
			if err != nil {
				return fmt.Errorf("schema of %q: %w", field, err)
			}
			inner, _ := live[field].(map[string]any)
			if err := order(value, inner, below, newFirst); err != nil {
				return err
			}
		case []any:
			if err := orderList(change, live, field, schema, newFirst); err != nil {
				return err
			}
		}
	}
	return nil
}

// orderList orders one list of a patch that is merged by a key, and goes on in
// its elements.
func orderList(change, live map[string]any, field string, schema strategicpatch.LookupPatchMeta, newFirst bool) error {
	below, meta, err := schema.LookupPatchMetadataForSlice(field)
	if err != nil {
		return fmt.Errorf("schema of %q: %w", field, err)
	}
	key := meta.GetPatchMergeKey()
	if key == "" || !slices.Contains(meta.GetPatchStrategies(), "merge") {
		return nil
	}
	elements, _ := live[field].([]any)
	patches, _ := change[field].([]any)
	known, _ := change[orderDirective+field].([]any)
	var complete []any
	switch {
	case known != nil && !slices.ContainsFunc(elements, func(e any) bool { return !hasKey(known, key, e) && !hasKey(patches, key, e) }):
		complete = known // the client knew all of them: the order is its wish
	case newFirst && (len(known) == 0 || !hasKey(elements, key, known[0])):
		complete = slices.Concat(known, patches, elements)
	default:
		complete = slices.Concat(elements, known, patches)
	}
	complete = keys(complete, key, patches)
	change[orderDirective+field] = complete
	place := func(e any) int {
		return slices.IndexFunc(complete, func(k any) bool { return hasKey([]any{k}, key, e) })
	}
	slices.SortStableFunc(patches, func(a, b any) int { return place(a) - place(b) }) // in the same order, or the patch is refused
	for _, patch := range patches {
		one, ok := patch.(map[string]any)
		at := slices.IndexFunc(elements, func(e any) bool { return hasKey([]any{patch}, key, e) })
		if !ok || at < 0 {
			continue
		}
		if err := order(one, elements[at].(map[string]any), below, newFirst); err != nil {
			return err
		}
	}
	return nil
}

// hasKey says whether a list has an element with the key of another one.
func hasKey(list []any, key string, element any) bool {
	object, _ := element.(map[string]any)
	return slices.ContainsFunc(list, func(e any) bool {
		other, _ := e.(map[string]any)
		return other != nil && object != nil && other[key] != nil && reflect.DeepEqual(other[key], object[key])
	})
}

// keys are the merge keys of elements, each once, without those that a patch deletes.
func keys(elements []any, key string, patches []any) []any {
	var out []any
	for _, e := range elements {
		object, ok := e.(map[string]any)
		deleted := slices.ContainsFunc(patches, func(p any) bool {
			patch, _ := p.(map[string]any)
			return patch["$patch"] == "delete" && hasKey([]any{p}, key, e)
		})
		if ok && object[key] != nil && !deleted && !hasKey(out, key, e) {
			out = append(out, map[string]any{key: object[key]})
		}
	}
	return out
}
