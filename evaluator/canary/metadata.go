package canary

import (
	"strings"

	"holdfast.dev/holdfast/internal/hold"
)

// compareMetadata compares the labels and annotations that a template sets and that its
// containers read: they make of one program another. What a template does not set is
// not compared: the network, the scheduler and others write there of a pod what is true
// of that one.
func (c *comparison) compareMetadata(template, pod, admitted hold.Template) {
	var paths []string
	fieldPaths(template["spec"], &paths)
	for _, of := range []string{"labels", "annotations"} {
		want, got, byAdmission := metadata(template, of), metadata(pod, of), metadata(admitted, of)
		for _, key := range union(want, nil) {
			if readsMetadata(paths, "metadata."+of, key) {
				c.compare("metadata."+of+"["+key+"]", want[key], got[key], byAdmission[key])
			}
		}
	}
}

// SameMetadata says whether two templates have the same labels and annotations. To
// injectors these say what to do.
func SameMetadata(a, b hold.Template) bool {
	return same(metadata(a, "labels"), metadata(b, "labels")) && same(metadata(a, "annotations"), metadata(b, "annotations"))
}

func metadata(template hold.Template, of string) map[string]any {
	all, _ := template["metadata"].(map[string]any)
	out, _ := all[of].(map[string]any)
	return out
}

// fieldPaths are the fields of the pod that a part of its spec reads.
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

// readsMetadata says whether one of some paths is that of all labels (or annotations),
// or of the one with a key.
func readsMetadata(paths []string, all, key string) bool {
	for _, path := range paths {
		of, subscript, one := strings.Cut(path, "[")
		if of == all && (!one || strings.Trim(subscript, `'"]`) == key) {
			return true
		}
	}
	return false
}

// compareIdentity compares the ServiceAccounts, which have two names in a spec, and
// one by default.
func (c *comparison) compareIdentity(template, pod, admitted hold.Template) {
	got := serviceAccount(pod)
	if got != serviceAccount(template) && got != serviceAccount(admitted) {
		c.found = append(c.found, Deviation{Path: "spec.serviceAccountName"})
	}
}

func serviceAccount(template hold.Template) string {
	spec, _ := template["spec"].(map[string]any)
	for _, field := range []string{"serviceAccountName", "serviceAccount"} {
		if name, _ := spec[field].(string); name != "" {
			return name
		}
	}
	return "default"
}
