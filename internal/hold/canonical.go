package hold

import (
	"maps"
	"slices"
	"time"
)

// RestartedAt is the annotation by which kubectl rollout restart makes pods
// anew. It asks for no other version.
const RestartedAt = "kubectl.kubernetes.io/restartedAt"

// Canonical is a template without what says nothing: nulls, empty lists, the
// API's defaults and the time of a restart, unless its pods read that: to them it
// may say anything, and a restart is another version.
//
// Empty objects stay unless a default says otherwise: a label selector {}
// selects everything where none selects nothing.
//
// The template and its metadata and spec are copies. What lies below and says
// something is shared with what was given.
func Canonical(t Template) Template {
	pruned, _ := prune(t, topOfTemplate)
	out, _ := pruned.(map[string]any)
	out = copyOf(out)
	copyIn(out, "spec")
	copyIn(copyIn(out, "metadata"), "annotations")
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

func copyOf(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	maps.Copy(out, m)
	return out
}

// copyIn puts a copy of an object in its place, and returns it; nil if there is none.
func copyIn(m map[string]any, key string) map[string]any {
	inner, ok := m[key].(map[string]any)
	if !ok {
		return nil
	}
	inner = copyOf(inner)
	m[key] = inner
	return inner
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

// prune is a value without what says nothing, and whether there was such. What
// has none in it is the value itself. The place is where it stands in a template.
func prune(v any, at *node) (pruned any, changed bool) {
	switch v := v.(type) {
	case map[string]any:
		return pruneObject(v, at)
	case []any:
		return pruneList(v, at.below(anyElement))
	default:
		return v, false
	}
}

func pruneList(v []any, at *node) ([]any, bool) {
	out := v
	for i, element := range v {
		pruned, changed := prune(element, at)
		if !changed {
			continue
		}
		if len(out) > 0 && &out[0] == &v[0] {
			out = slices.Clone(v)
		}
		out[i] = pruned
	}
	return out, len(v) > 0 && &out[0] != &v[0]
}

func pruneObject(v map[string]any, at *node) (map[string]any, bool) {
	out, changed := v, false
	for key, value := range v {
		in := at.below(key)
		pruned, differs := prune(value, in)
		drop := saysNothing(pruned) || in.fills(pruned, v)
		if !drop && !differs {
			continue
		}
		if !changed {
			out, changed = maps.Clone(v), true
		}
		if drop {
			delete(out, key)
		} else {
			out[key] = pruned
		}
	}
	return out, changed
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
