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

// MetadataRead is the part of some labels (all is "metadata.labels"), or annotations, that field paths read.
func MetadataRead[V any](paths []string, all string, of map[string]V) map[string]V {
	out := map[string]V{}
	for _, path := range paths {
		is, subscript, one := strings.Cut(path, "[")
		if is != all {
			continue
		}
		if !one {
			return of
		}
		key := strings.Trim(subscript, `'"]`)
		if value, there := of[key]; there {
			out[key] = value
		}
	}
	return out
}

// ReadsMetadata says whether one of some field paths is that of all labels ("metadata.labels"), or
// annotations, or of the one with a key.
func ReadsMetadata(paths []string, all, key string) bool {
	return len(MetadataRead(paths, all, map[string]bool{key: true})) > 0
}
