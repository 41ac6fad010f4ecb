package compare

import (
	"encoding/json"
	"strings"
)

// change is what a patch does to one value: sets it or, where it is nil, takes off all that is at
// and below the path.
type change struct {
	path  string
	value any
	// whole: a list is put in place of the one at the path, so that it speaks of all below, also of
	// what it leaves out.
	whole bool
}

// clientSideApply is the manager whose patches say nothing alone: its manifest stands in an
// annotation, which changes whenever the manifest does, so Holdfast can always know what was asked
// for.
const clientSideApply = "kubectl-client-side-apply"

// patchMethod is the method of every patch.
const patchMethod = "PATCH"

// changes are those of a patch; requests that send the whole of what they ask for have none.
func (r Request) changes() []change {
	if r.Method != patchMethod || r.ContentType == applyPatch || r.Manager == clientSideApply {
		return nil
	}
	var body any
	if json.Unmarshal([]byte(r.Body), &body) != nil {
		return nil
	}
	if r.ContentType == jsonPatch {
		return jsonPatchChanges(body)
	}
	var out []change
	mergeChanges(&out, "", body, r.ContentType == mergePatch)
	return out
}

// mergeChanges walks through a patch in which lists are merged or, if they are whole, replaced.
func mergeChanges(out *[]change, path string, v any, whole bool) {
	switch v := v.(type) {
	case map[string]any:
		if v["$patch"] == "delete" {
			*out = append(*out, change{path: path})
			return
		}
		for key, value := range v {
			if !strings.HasPrefix(key, "$") {
				mergeChanges(out, path+"/"+key, value, whole)
			}
		}
	case []any:
		if whole || replaced(v) {
			*out = append(*out, change{path: path, whole: true})
		}
		for i, value := range v {
			mergeChanges(out, path+"["+elementKey(value, i)+"]", value, whole)
		}
	default:
		*out = append(*out, change{path: path, value: v})
	}
}

// jsonPatchChanges reads the operations add, replace and remove; the container at place 0 is always "app".
func jsonPatchChanges(body any) []change {
	var out []change
	operations, _ := body.([]any)
	for _, o := range operations {
		path, _ := at(o, "path").(string)
		path = firstContainer.Replace(path)
		path = strings.ReplaceAll(strings.ReplaceAll(path, "~1", "/"), "~0", "~")
		if at(o, "op") == "remove" {
			out = append(out, change{path: path})
			continue
		}
		mergeChanges(&out, path, at(o, "value"), true)
	}
	return out
}

var firstContainer = strings.NewReplacer("/containers/0/", "/containers[app]/")

// alreadyAt says whether an object with these leaves has already what the change asks for at a path
// at or below its own.
func (c change) alreadyAt(path string, object map[string]any) bool {
	value, found := object[path]
	if c.value != nil {
		return found && equal(value, c.value)
	}
	return !found
}

// within says whether a path is, or is below, another.
func within(path, above string) bool {
	rest, found := strings.CutPrefix(path, above)
	return found && (rest == "" || rest[0] == '/' || rest[0] == '[')
}

// equal compares numbers by value: one side is decoded as int64, the other as float64.
func equal(a, b any) bool { return a == b || isNumber(a) && isNumber(b) && toFloat(a) == toFloat(b) }

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func toFloat(v any) float64 {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	f, _ := v.(float64)
	return f
}
