package canary

import "holdfast.dev/holdfast/internal/hold"

// compareMetadata compares the labels and annotations that a template sets and that its
// containers read: they make of one program another. What a template does not set is
// not compared: the network, the scheduler and others write there of a pod what is true
// of that one.
func (c *comparer) compareMetadata(template, pod, admitted hold.Template) {
	paths := hold.FieldPaths(template["spec"])
	for _, of := range []string{"labels", "annotations"} {
		want, got, byAdmission := metadata(template, of), metadata(pod, of), metadata(admitted, of)
		for _, key := range union(hold.MetadataRead(paths, "metadata."+of, want), nil) {
			c.compare("metadata."+of+"["+key+"]", want[key], got[key], byAdmission[key])
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

// compareIdentity compares the ServiceAccounts, which have two names in a spec, and
// one by default.
func (c *comparer) compareIdentity(template, pod, admitted hold.Template) {
	got := serviceAccount(pod)
	if got != serviceAccount(template) && got != serviceAccount(admitted) {
		c.found = append(c.found, Alteration{Path: "spec.serviceAccountName"})
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
