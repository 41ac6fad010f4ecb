// Package clientstate keeps true what clients remember on a Deployment, while an
// update is held. It is pure.
//
// kubectl's client-side apply remembers the manifest it applied last, to know
// which fields one drops. That is about the template as ownership is: the
// object runs the stable template, so what is remembered of the template must be
// what was applied with that. It stays at a hold, the new one travels in the held
// record, and it comes with the template at the release.
//
// And clients compare before they send: what asks for the stable template, which
// stands in the cluster, would never be sent, and a held update never withdrawn.
// So while an update is held (or counts as failed) what they compare has a mark.
package clientstate

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
)

// LastAppliedAnnotation is where kubectl keeps what was applied client-side.
const LastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

// LastApplied is the value of that annotation, "" if there is none.
type LastApplied string

// Template is the pod template of the manifest, nil if it has none that can be read.
func (l LastApplied) Template() hold.Template {
	spec, _ := l.decode()["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	return template
}

// WithTemplate is the manifest with another pod template, or without one. What
// cannot be read stays as it is, and so do the bytes where nothing changes.
func (l LastApplied) WithTemplate(t hold.Template) LastApplied {
	manifest := l.decode()
	if manifest == nil || reflect.DeepEqual(l.Template(), t) {
		return l
	}
	spec, _ := manifest["spec"].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
		manifest["spec"] = spec
	}
	delete(spec, "template")
	if t != nil {
		spec["template"] = t
	}
	return l.encoded(manifest)
}

// Annotation is what the manifest says under a key, "" if it says nothing.
func (l LastApplied) Annotation(key string) string {
	metadata, _ := l.decode()["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[key].(string)
	return value
}

// WithAnnotations is the manifest saying this, and nothing else, under these keys of
// annotations. What cannot be read stays as it is, and so do the bytes where nothing changes.
func (l LastApplied) WithAnnotations(keys []string, said map[string]string) LastApplied {
	manifest := l.decode()
	metadata, _ := manifest["metadata"].(map[string]any)
	if metadata == nil {
		return l
	}
	before, _ := metadata["annotations"].(map[string]any)
	after := maps.Clone(before)
	if after == nil {
		after = map[string]any{}
	}
	for _, key := range keys {
		delete(after, key)
		if value, says := said[key]; says {
			after[key] = value
		}
	}
	if maps.EqualFunc(after, before, reflect.DeepEqual) {
		return l
	}
	metadata["annotations"] = after
	return l.encoded(manifest)
}

// Annotations are what the manifest says under these keys.
func (l LastApplied) Annotations(keys []string) map[string]string {
	metadata, _ := l.decode()["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	said := map[string]string{}
	for _, key := range keys {
		if value, says := annotations[key].(string); says {
			said[key] = value
		}
	}
	return said
}

func (l LastApplied) decode() map[string]any {
	var manifest map[string]any
	if l == "" || jsontree.Unmarshal([]byte(l), &manifest) != nil {
		return nil
	}
	return manifest
}

// Marked remembers an annotation of Holdfast's as applied, which no manifest has:
// every client that merges three ways then asks to take it off.
func (l LastApplied) Marked(annotation string) LastApplied {
	return l.withAnnotation(annotation)
}

// Unmarked is what kubectl wrote, without what Holdfast writes on Deployments:
// the text of one that was read from the cluster asks for none of it.
func (l LastApplied) Unmarked() LastApplied { return l.withAnnotation("") }

// withAnnotation has one of Holdfast's marks, or none.
func (l LastApplied) withAnnotation(want string) LastApplied {
	manifest := l.decode()
	metadata, _ := manifest["metadata"].(map[string]any)
	if metadata == nil {
		return l
	}
	annotations, _ := metadata["annotations"].(map[string]any)
	marked := maps.Clone(annotations)
	if marked == nil {
		marked = map[string]any{}
	}
	for _, own := range v1alpha1.OwnAnnotations {
		delete(marked, own)
	}
	if want != "" {
		marked[want] = ""
	}
	if maps.EqualFunc(marked, annotations, reflect.DeepEqual) { // they may be any JSON: anybody can write the manifest
		return l
	}
	metadata["annotations"] = marked
	return l.encoded(manifest)
}

// encoded is a manifest as kubectl writes it, with a line break at its end.
func (l LastApplied) encoded(manifest map[string]any) LastApplied {
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(manifest); err != nil {
		return l
	}
	return LastApplied(out.String())
}
