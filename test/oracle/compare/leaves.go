package compare

import (
	"fmt"
	"slices"
	"strings"
)

// leaves are all values of a JSON document that are no objects and no lists, by path. Elements of
// lists are known by what Kubernetes merges them by. Objects that it does not merge, as tolerations, are
// another element with any other content, and anything else is known by its place.
func leaves(v any) map[string]any {
	out := map[string]any{}
	collect(out, "", v)
	return out
}

func collect(out map[string]any, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if !strings.HasPrefix(key, "$setElementOrder/") && !strings.HasPrefix(key, "$retainKeys") {
				collect(out, path+"/"+key, value)
			}
		}
	case []any:
		for i, value := range v {
			collect(out, path+"["+elementKey(value, i)+"]", value)
		}
	default:
		out[path] = v
	}
}

// mergeKeys are by what the lists of a pod template merge, the surest first: a port has a name too.
var mergeKeys = []string{"mountPath", "containerPort", "name"}

func elementKey(v any, i int) string {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprint(i)
	}
	if value, found := merged(m); found {
		return fmt.Sprint(value)
	}
	return fmt.Sprint(m)
}

// merged is by what Kubernetes merges an element of a list, if it does.
func merged(element map[string]any) (any, bool) {
	for _, key := range mergeKeys {
		if value, found := element[key]; found {
			return value, true
		}
	}
	return nil, false
}

// replaced says whether a strategic merge patch puts a list in place of the one that is there.
func replaced(list []any) bool {
	return !slices.ContainsFunc(list, func(element any) bool {
		m, _ := element.(map[string]any)
		_, merges := merged(m)
		return merges || m["$patch"] != nil
	})
}

// differing are the paths of leaves that are not the same in two documents.
func differing(a, b any) []string {
	left, right := leaves(a), leaves(b)
	var out []string
	for path, value := range left {
		if other, found := right[path]; !found || other != value {
			out = append(out, path)
		}
	}
	for path := range right {
		if _, found := left[path]; !found {
			out = append(out, path)
		}
	}
	return out
}
