package intent

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"holdfast.dev/holdfast/internal/hold"
)

// orderDirective begins the keys by which a strategic merge patch says in which
// order the elements of a list stand.
const orderDirective = "$setElementOrder/"

// graft is the change from one template to another, made to a third one.
type graft struct {
	// newFirst: what is new in a list stands first, as in patches that do not
	// speak of order; otherwise last.
	newFirst bool
}

// object makes a patch that was computed on one template fit another: elements of
// lists keep the order they have there, and where the patch takes off the whole
// of a list or map, it takes off what the client knew of it.
func (g graft) object(change, from, live map[string]any, schema strategicpatch.LookupPatchMeta) error {
	for field, value := range change {
		switch value := value.(type) {
		case nil:
			if err := takeOff(change, from, live, field, schema); err != nil {
				return err
			}
		case map[string]any:
			below, _, err := schema.LookupPatchMetadataForStruct(field)
			if err != nil {
				return fmt.Errorf("schema of %q: %w", field, err)
			}
			before, _ := from[field].(map[string]any)
			inner, _ := live[field].(map[string]any)
			if err := g.object(value, before, inner, below); err != nil {
				return err
			}
		case []any:
			if err := g.list(change, from, live, field, schema); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeOff names what a patch takes off with a whole list or map.
func takeOff(change, from, live map[string]any, field string, schema strategicpatch.LookupPatchMeta) error {
	switch before := from[field].(type) {
	case map[string]any:
		inner, _ := live[field].(map[string]any)
		if !hasMore(inner, before) {
			return nil
		}
		named := map[string]any{}
		for key := range before {
			named[key] = nil
		}
		change[field] = named
		below, _, err := schema.LookupPatchMetadataForStruct(field)
		if err != nil {
			return fmt.Errorf("schema of %q: %w", field, err)
		}
		for key := range before {
			if err := takeOff(named, before, inner, key, below); err != nil {
				return err
			}
		}
	case []any:
		key, _, err := mergeKey(field, schema)
		elements, _ := live[field].([]any)
		if left := exchange(elements, before, nil); key == "" && objects(before) && objects(elements) && len(left) > 0 {
			change[field] = left
		}
		known := byKey(before, key)
		if err != nil || key == "" || !slices.ContainsFunc(elements, func(e any) bool { return !known.has(e) }) {
			return err
		}
		var named []any
		for _, k := range keys(before, key, nil) {
			one, _ := k.(map[string]any)
			named = append(named, map[string]any{key: one[key], "$patch": "delete"})
		}
		change[field] = named
	}
	return nil
}

// hasMore says whether a map has, at any depth, a key that another one has not.
func hasMore(live, known map[string]any) bool {
	for key, value := range live {
		was, there := known[key]
		inner, _ := value.(map[string]any)
		before, _ := was.(map[string]any)
		if !there || inner != nil && hasMore(inner, before) {
			return true
		}
	}
	return false
}

// mergeKey is by what the elements of a list are merged, "" if they are not.
func mergeKey(field string, schema strategicpatch.LookupPatchMeta) (string, strategicpatch.LookupPatchMeta, error) {
	below, meta, err := schema.LookupPatchMetadataForSlice(field)
	if err != nil {
		return "", nil, fmt.Errorf("schema of %q: %w", field, err)
	}
	if !slices.Contains(meta.GetPatchStrategies(), "merge") {
		return "", below, nil
	}
	return meta.GetPatchMergeKey(), below, nil
}

// list orders one list of a patch that is merged by a key, and goes on in its elements.
func (g graft) list(change, from, live map[string]any, field string, schema strategicpatch.LookupPatchMeta) error {
	key, below, err := mergeKey(field, schema)
	before, _ := from[field].([]any)
	elements, _ := live[field].([]any)
	patches, _ := change[field].([]any)
	if err != nil || key == "" {
		// A patch puts the whole list there; others have changed what they read.
		if !g.newFirst && objects(before) && objects(elements) && objects(patches) {
			change[field] = exchange(elements, before, patches)
		}
		return err
	}
	known, _ := change[orderDirective+field].([]any)
	complete := keys(g.order(elements, known, patches, key), key, patches)
	change[orderDirective+field] = complete
	place := byKey(complete, key)
	slices.SortStableFunc(patches, func(a, b any) int { return place.position(a) - place.position(b) }) // in the same order, or the patch is refused
	there, then := byKey(elements, key), byKey(before, key)
	for _, patch := range patches {
		one, ok := patch.(map[string]any)
		at := there.position(patch)
		if !ok || at < 0 {
			continue
		}
		was := map[string]any{}
		if i := then.position(patch); i >= 0 {
			was, _ = before[i].(map[string]any)
		}
		if err := g.object(one, was, elements[at].(map[string]any), below); err != nil {
			return err
		}
	}
	return nil
}

// exchange makes the change from one list to another to a third one. Their
// elements have no key, so they are the same where they are equal.
func exchange(live, from, to []any) []any {
	if hold.Equal(live, from) {
		return to
	}
	known, wanted := texts(from), texts(to)
	var out []any
	for _, e := range live {
		if wanted[text(e)] || !known[text(e)] {
			out = append(out, e)
		}
	}
	there := texts(out)
	for _, e := range to {
		if !known[text(e)] && !there[text(e)] {
			out, there[text(e)] = append(out, e), true
		}
	}
	return out
}

func texts(list []any) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, e := range list {
		out[text(e)] = true
	}
	return out
}

// text is the same for equal elements only.
func text(element any) string { return fmt.Sprintf("%#v", element) }

// objects says whether a list has nothing but objects; others, such as the
// arguments of a command, mean something as a whole only.
func objects(list []any) bool {
	return !slices.ContainsFunc(list, func(e any) bool {
		_, is := e.(map[string]any)
		return !is
	})
}

// order is that of the elements that are there, with what is new before or behind.
// A patch that speaks of nothing but order has its way.
func (g graft) order(elements, known, patches []any, key string) []any {
	if len(patches) == 0 {
		return slices.Concat(known, elements)
	}
	there := byKey(elements, key)
	var added []any
	for _, e := range slices.Concat(known, patches) {
		if !there.has(e) {
			added = append(added, e)
		}
	}
	if g.newFirst && (len(known) == 0 || !there.has(known[0])) {
		return slices.Concat(added, elements)
	}
	return slices.Concat(elements, added)
}

// keys are the merge keys of elements, each once, without those that a patch deletes.
func keys(elements []any, key string, patches []any) []any {
	done := map[any]bool{nil: true}
	for _, p := range patches {
		if patch, _ := p.(map[string]any); patch["$patch"] == "delete" {
			done[keyOf(p, key)] = true
		}
	}
	var out []any
	for _, e := range elements {
		if k := keyOf(e, key); !done[k] {
			out, done[k] = append(out, map[string]any{key: k}), true
		}
	}
	return out
}
