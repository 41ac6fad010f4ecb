package ownership

import (
	"encoding/json"
	"reflect"
	"strings"

	"holdfast.dev/holdfast/api/hold"
)

// AppliesDifference says whether the manager has, by server-side apply, a field
// in which two pod templates differ.
func AppliesDifference(entries Entries, manager string, a, b hold.Template) bool {
	for _, owner := range OfTemplate(entries) {
		if owner.Manager == manager && owner.Operation == Apply && differ(owner.Fields, a, b) {
			return true
		}
	}
	return false
}

// differ walks a set of fields in FieldsV1 form ("f:" a field, "k:" an element
// of a list by its keys, "v:" one by its value, "." the thing itself) through
// two values at once.
func differ(fields map[string]any, a, b any) bool {
	for step, below := range fields {
		nextA, nextB := descend(step, a), descend(step, b)
		if step == "." {
			if (a == nil) != (b == nil) {
				return true
			}
			continue
		}
		children, _ := below.(map[string]any)
		if len(children) == 0 {
			if !reflect.DeepEqual(nextA, nextB) {
				return true
			}
		} else if differ(children, nextA, nextB) {
			return true
		}
	}
	return false
}

// descend goes one step of FieldsV1 down, to nil where there is nothing.
func descend(step string, v any) any {
	kind, rest, _ := strings.Cut(step, ":")
	switch kind {
	case "f":
		object, _ := v.(map[string]any)
		return object[rest]
	case "k":
		var keys map[string]any
		if json.Unmarshal([]byte(rest), &keys) != nil {
			return nil
		}
		return element(v, func(e any) bool { return hasKeys(e, keys) })
	case "v":
		return element(v, func(e any) bool { return encoded(e) == rest })
	}
	return nil
}

func element(list any, match func(any) bool) any {
	elements, _ := list.([]any)
	for _, e := range elements {
		if match(e) {
			return e
		}
	}
	return nil
}

func hasKeys(e any, keys map[string]any) bool {
	object, ok := e.(map[string]any)
	for key, want := range keys {
		ok = ok && encoded(object[key]) == encoded(want)
	}
	return ok
}

func encoded(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
