package hold

import (
	"strings"
	"time"
)

// RestartedAt is the annotation by which kubectl rollout restart makes pods
// anew. It asks for no other version.
const RestartedAt = "kubectl.kubernetes.io/restartedAt"

// Canonical is a copy of a template without what says nothing: nulls, empty
// lists, the API's defaults and the time of a restart, unless its pods read that:
// to them it may say anything, and a restart is another version.
//
// Empty objects stay unless a default says otherwise: a label selector {}
// selects everything where none selects nothing.
func Canonical(t Template) Template {
	out, _ := prune(t, "").(map[string]any)
	if meta, ok := out["metadata"].(map[string]any); ok {
		if annotations, ok := meta["annotations"].(map[string]any); ok {
			if isTime(annotations[RestartedAt]) && !readsRestart(out) {
				delete(annotations, RestartedAt)
			}
			dropIfEmpty(meta, "annotations")
		}
		dropIfEmpty(meta, "labels")
		dropIfEmpty(out, "metadata")
	}
	return out
}

func readsRestart(t Template) bool {
	return ReadsMetadata(FieldPaths(t["spec"]), "metadata.annotations", RestartedAt)
}

// Restarted is the mark of a restart in a template, "" without one.
func Restarted(t Template) string {
	metadata, _ := t["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	mark, _ := annotations[RestartedAt].(string)
	return mark
}

// isTime keeps a mark of a restart from carrying anything but its time to the pods.
func isTime(v any) bool {
	text, _ := v.(string)
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}

// prune copies a value without what says nothing. The path of a value has its
// keys joined by dots, with "*" for any element of a list.
func prune(v any, path string) any {
	switch v := v.(type) {
	case map[string]any:
		return pruneObject(v, path)
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			out = append(out, prune(element, path+".*"))
		}
		return out
	default:
		return v
	}
}

// A path longer than maxPath is that of no default. What is below it goes by
// another name, so that the time to prune grows with the size of a template and
// not with its depth times the length of its keys.
const (
	maxPath = 256
	beyond  = "…"
)

func pruneObject(v map[string]any, path string) map[string]any {
	out := make(map[string]any, len(v))
	for key, value := range v {
		at := strings.TrimPrefix(path+"."+key, ".")
		if len(at) > maxPath {
			at = beyond
		}
		value = prune(value, at)
		if !saysNothing(value) && !isDefault(at, value, v) {
			out[key] = value
		}
	}
	return out
}

func saysNothing(v any) bool {
	if v == nil {
		return true
	}
	list, ok := v.([]any)
	return ok && len(list) == 0
}

func dropIfEmpty(m map[string]any, key string) {
	if inner, ok := m[key].(map[string]any); ok && len(inner) == 0 {
		delete(m, key)
	}
}
