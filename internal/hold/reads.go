package hold

import "strings"

// FieldPaths are the fields of its own pod that a part of a pod spec reads, through variables or volumes.
func FieldPaths(part any) []string {
	var out []string
	fieldPaths(part, &out)
	return out
}

func fieldPaths(part any, out *[]string) {
	switch part := part.(type) {
	case map[string]any:
		if path, ok := part["fieldPath"].(string); ok {
			*out = append(*out, path)
		}
		for _, value := range part {
			fieldPaths(value, out)
		}
	case []any:
		for _, value := range part {
			fieldPaths(value, out)
		}
	}
}

// ReadsMetadata says whether one of some field paths is that of all labels ("metadata.labels"), or
// annotations, or of the one with a key.
func ReadsMetadata(paths []string, all, key string) bool {
	for _, path := range paths {
		of, subscript, one := strings.Cut(path, "[")
		if of == all && (!one || strings.Trim(subscript, `'"]`) == key) {
			return true
		}
	}
	return false
}
