package webhook

import (
	"reflect"
	"strings"

	"gomodules.xyz/jsonpatch/v2"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/ownership"
)

// ownAnnotations are written by Holdfast alone. What they say is taken from the
// object in the cluster, never from a request: kubectl rollout undo, for one,
// brings back those of an old ReplicaSet.
var ownAnnotations = []string{
	v1alpha1.HeldAnnotation,
	v1alpha1.RejectedAnnotation,
	v1alpha1.StableAnnotation,
	v1alpha1.SkippedAnnotation,
	v1alpha1.ReleaseAnnotation,
}

// answer is what the object of a request is to become.
type answer struct {
	template      hold.Template
	managedFields ownership.Entries
	own           map[string]string // Holdfast's annotations; those not in it go
	warnings      []string
}

// asIs answers with the object as it came, Holdfast's annotations as they were.
func (u update) asIs() answer {
	a := answer{
		template:      u.new.template(),
		managedFields: u.new.managedFields(),
		own:           map[string]string{},
	}
	for _, key := range ownAnnotations {
		if value := u.old.annotation(key); value != "" {
			a.own[key] = value
		}
	}
	delete(a.own, v1alpha1.ReleaseAnnotation)
	return a
}

// set writes one of Holdfast's annotations; an empty value takes it off.
func (a *answer) set(key, value string) {
	if value == "" {
		delete(a.own, key)
		return
	}
	a.own[key] = value
}

// warn tells the user something. The API server passes 4096 characters on, all
// warnings of a request together.
func (a *answer) warn(message string) {
	a.warnings = append(a.warnings, warning(message))
}

func warning(message string) string {
	const limit = 1024
	if len(message) > limit {
		message = strings.ToValidUTF8(message[:limit-3], "") + "..."
	}
	return "holdfast: " + message
}

// annotations are all annotations that the object is to have.
func (a answer) annotations(sent map[string]any) map[string]any {
	out := make(map[string]any, len(sent)+len(a.own))
	for key, value := range sent {
		out[key] = value
	}
	for _, key := range ownAnnotations {
		delete(out, key)
		if value, ok := a.own[key]; ok {
			out[key] = value
		}
	}
	return out
}

// patch is the JSON patch that makes the object of the request what it is to
// become. It names only what Holdfast changes, so that fields it does not know
// stay as they are.
func (a answer) patch(sent deployment) []jsonpatch.Operation {
	var ops []jsonpatch.Operation
	if !reflect.DeepEqual(a.template, sent.template()) {
		ops = append(ops, jsonpatch.NewOperation("replace", "/spec/template", a.template))
	}
	ops = append(ops, annotationPatch(sent.annotations(), a.annotations(sent.annotations()))...)
	if !reflect.DeepEqual(a.managedFields, sent.managedFields()) {
		ops = append(ops, jsonpatch.NewOperation("add", "/metadata/managedFields", a.managedFields))
	}
	return ops
}

func annotationPatch(sent, want map[string]any) []jsonpatch.Operation {
	if len(sent) == 0 {
		if len(want) == 0 {
			return nil
		}
		return []jsonpatch.Operation{jsonpatch.NewOperation("add", "/metadata/annotations", want)}
	}
	var ops []jsonpatch.Operation
	for _, key := range ownAnnotations {
		path := "/metadata/annotations/" + strings.ReplaceAll(key, "/", "~1")
		before, had := sent[key]
		after, has := want[key]
		switch {
		case has && before != after:
			ops = append(ops, jsonpatch.NewOperation("add", path, after))
		case had && !has:
			ops = append(ops, jsonpatch.NewOperation("remove", path, nil))
		}
	}
	return ops
}

// maxAnnotations is the API server's limit for all keys and values together, in bytes.
const maxAnnotations = 256 << 10

// annotationBytes is the size of annotations as the API server counts it.
func annotationBytes(annotations map[string]any) int {
	total := 0
	for key, value := range annotations {
		text, _ := value.(string)
		total += len(key) + len(text)
	}
	return total
}
