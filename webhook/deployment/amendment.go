package deployment

import (
	"maps"

	"gomodules.xyz/jsonpatch/v2"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
	"holdfast.dev/holdfast/webhook/patch"
	"holdfast.dev/holdfast/webhook/reply"
)

// amendment is what the object of a request is to become.
type amendment struct {
	template      hold.Template
	managedFields ownership.Entries
	annotations   map[string]any
	lastApplied   hold.Template // what kubectl is to remember as applied
	beside        *beside       // what is to stand beside the template, nil if that is what was sent
	warnings      []string
}

// keepOwnMarks answers with the object as it came, Holdfast's annotations as they were.
func (u update) keepOwnMarks() amendment {
	a := amendment{template: u.New.Template(), managedFields: u.New.ManagedFields()}
	a.annotate(u.New, u.Old)
	return a
}

// annotate takes the annotations of one object, and Holdfast's own of the old one.
// What those say is taken from the object in the cluster, never from a request:
// kubectl rollout undo, for one, brings back those of an old ReplicaSet.
func (a *amendment) annotate(from, old workload.Deployment) {
	a.annotations = make(map[string]any, len(from.Annotations())+len(v1alpha1.OwnAnnotations))
	maps.Copy(a.annotations, from.Annotations())
	for _, key := range v1alpha1.OwnAnnotations {
		a.set(key, old.Annotation(key))
	}
	a.set(v1alpha1.ReleaseAnnotation, "")
}

// set writes an annotation; an empty value takes it off.
func (a *amendment) set(key, value string) {
	if value == "" {
		delete(a.annotations, key)
		return
	}
	a.annotations[key] = value
}

// remember writes what clients remember on the object: the template that was
// applied with what is to stand there, and a mark while they last asked for
// another one.
func (a *amendment) remember() {
	manifest := clientstate.LastApplied(text(a.annotations, clientstate.LastAppliedAnnotation)).WithTemplate(a.lastApplied)
	if a.beside != nil {
		manifest = manifest.WithAnnotations(a.beside.keys, a.beside.lastApplied)
	}
	release := text(a.annotations, clientstate.HelmReleaseAnnotation)
	switch {
	case text(a.annotations, v1alpha1.HeldAnnotation) != "":
		manifest = manifest.Marked(v1alpha1.HeldAnnotation)
	case text(a.annotations, v1alpha1.FailedAnnotation) != "":
		manifest = manifest.Marked(v1alpha1.FailedAnnotation)
	default:
		manifest = manifest.Unmarked()
	}
	release = clientstate.UnmarkedRelease(release)
	if a.marked() && clientstate.WaitsByGeneration(a.annotations, a.managedFields) {
		release = clientstate.MarkedRelease(release)
	}
	a.set(clientstate.LastAppliedAnnotation, string(manifest))
	a.set(clientstate.HelmReleaseAnnotation, release)
}

// marked: another template is held, or was rejected, than what stands there.
func (a *amendment) marked() bool {
	return text(a.annotations, v1alpha1.HeldAnnotation) != "" || text(a.annotations, v1alpha1.FailedAnnotation) != ""
}

func text(annotations map[string]any, key string) string {
	value, _ := annotations[key].(string)
	return value
}

// warn tells the user something.
func (a *amendment) warn(message string) {
	a.warnings = append(a.warnings, reply.Warning(message))
}

// patch is the JSON patch that makes the object of the request what it is to
// become. It names only what Holdfast changes, so that fields it does not know
// stay as they are.
func (a amendment) patch(sent workload.Deployment) []jsonpatch.Operation {
	var ops []jsonpatch.Operation
	if !hold.Equal(a.template, sent.Template()) {
		ops = append(ops, jsonpatch.NewOperation("replace", patch.Template, a.template))
	}
	ops = append(ops, patch.Fields(patch.Annotations, sent.Annotations(), a.annotations)...)
	return append(ops, patch.Value(patch.ManagedFields, sent.ManagedFields(), a.managedFields)...)
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

// nobody new asks for what is held or failed.
var nobody ownership.Holder

// attribute says in managedFields that the mark on an object (the held record,
// or that the update failed) belongs to whoever asked for it, as if it stood in
// that manifest. GitOps engines compare what they own of the object with what a
// dry run makes of it: so they see that another manifest would change something,
// a held update that their manifest would withdraw as well as a new one.
func (a *amendment) attribute(u update, requester ownership.Holder) {
	before := u.Old.ManagedFields()
	holder := requester
	for _, key := range []string{v1alpha1.HeldAnnotation, v1alpha1.FailedAnnotation} {
		if holder == nobody {
			holder = ownership.HolderOf(before, key)
		}
	}
	for _, key := range []string{v1alpha1.HeldAnnotation, v1alpha1.FailedAnnotation} {
		switch {
		case text(a.annotations, key) != "" && holder != nobody:
			a.managedFields = ownership.WithAnnotation(a.managedFields, before, key, holder)
		case text(a.annotations, key) == "" && u.Old.Annotation(key) != "":
			a.managedFields = ownership.WithAnnotation(a.managedFields, before, key, nobody)
		}
	}
}
