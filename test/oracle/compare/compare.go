package compare

import (
	"encoding/json"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/sequence"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
)

// Aspect is in what the two sides differ.
type Aspect string

// The aspects.
const (
	ExitCode    Aspect = "ExitCode"    // one command succeeded, the other failed
	Migration   Aspect = "Migration"   // kubectl left the fields of client-side apply as they were on one side
	Presence    Aspect = "Presence"    // there is one Deployment only
	Template    Aspect = "Template"    // other templates are asked for
	ChangeCause Aspect = "ChangeCause" // other change-causes are asked for, or that of a stable template changed
	Remembered  Aspect = "Remembered"  // of a text that was read, kubectl remembers other templates
	Owned       Aspect = "Owned"       // of a text that was read, its applier owns other fields; or Helm does of what it takes back
	Unguarded   Aspect = "Unguarded"   // a stable template changed that should not have
	Record      Aspect = "Record"      // the record does not open
	Unsettled   Aspect = "Unsettled"   // the controllers did not come to rest
	Spec        Aspect = "Spec"        // in the end: another spec
	Labels      Aspect = "Labels"      // in the end: other labels
	Annotations Aspect = "Annotations" // in the end: other annotations
	LastApplied Aspect = "LastApplied" // in the end: another last-applied-configuration
	Ownership   Aspect = "Ownership"   // in the end: other owners of fields
)

// Difference is one that was found; the zero value is none.
type Difference struct {
	Aspect Aspect
	// Detail is for people: (-) is the unguarded side, (+) the guarded one.
	Detail string
}

// Found says whether there is a difference.
func (d Difference) Found() bool { return d.Aspect != "" }

// Final says whether it was found when all was released, and is of no single command.
func (d Difference) Final() bool {
	return slices.Contains([]Aspect{Spec, Labels, Annotations, LastApplied, Ownership}, d.Aspect)
}

// Pair is the same of both sides.
type Pair[T any] struct{ Unguarded, Guarded T }

// Step is one command that was given to both sides.
type Step struct {
	Command       sequence.Command
	Before, After Pair[Snapshot]
	Outcome       Pair[Outcome]
}

// Outcome is how a client ended, and what it asked of the API server about Deployments.
type Outcome struct {
	Code           int
	Stdout, Stderr string
	// Requests are those that would change a Deployment.
	Requests []Request
}

// Request is one request that would change a Deployment.
type Request struct {
	Method, Path string
	// ContentType is that of a patch.
	ContentType string
	// Manager is the field manager, Force whether conflicts were.
	Manager string
	Force   bool
	Body    string
	// Status is the answer's, Message its first words where it is a refusal.
	Status   int
	Message  string
	Warnings []string
}

// Compare says whether a command has left both sides in the same state, as far as their users can tell.
func (s Step) Compare() Difference {
	unguarded, guarded := s.After.Unguarded, s.After.Guarded
	switch {
	case guarded.Broken != "":
		return Difference{Record, guarded.Broken}
	case (s.Outcome.Unguarded.Code == 0) != (s.Outcome.Guarded.Code == 0):
		return Difference{ExitCode, Diff(s.Outcome.Unguarded.Code, s.Outcome.Guarded.Code)}
	case s.Outcome.Unguarded.gaveUp() != s.Outcome.Guarded.gaveUp():
		return Difference{Migration, Diff(s.Outcome.Unguarded.gaveUp(), s.Outcome.Guarded.gaveUp())}
	case (unguarded.Object == nil) != (guarded.Object == nil):
		return Difference{Presence, Diff(unguarded.Object, guarded.Object)}
	case !Same(unguarded.Desired(), guarded.Desired()):
		return Difference{Template, Diff(unguarded.Desired(), guarded.Desired())}
	case s.Command.Verb != sequence.Undo && unguarded.DesiredCause() != guarded.DesiredCause():
		return Difference{ChangeCause, Diff(unguarded.DesiredCause(), guarded.DesiredCause())}
	case guarded.Record != nil && s.Before.Guarded.UID() == guarded.UID() && s.Before.Guarded.ChangeCause() != guarded.ChangeCause():
		return Difference{ChangeCause, Diff(s.Before.Guarded.ChangeCause(), guarded.ChangeCause())}
	}
	if d := s.reverted(); d.Found() {
		return d
	}
	if d := s.remembered(); d.Found() {
		return d
	}
	if d := s.owned(); d.Found() {
		return d
	}
	if d := s.ownedByHelm(); d.Found() {
		return d
	}
	if s.Command.Verb == sequence.Undo && s.Outcome.Unguarded.Code == 0 {
		if diff := Diff(comparableAnnotations(unguarded.Object), comparableAnnotations(guarded.Object)); diff != "" {
			return Difference{Annotations, diff}
		}
	}
	return s.stability()
}

// gaveUp says whether kubectl ended well although its last request met a conflict: after a server-side apply
// it hands over what its client-side one owned, and after five conflicts leaves that for the next time
// (migrateToSSAIfNecessary, kubectl 1.37).
func (o Outcome) gaveUp() bool {
	if o.Code != 0 || len(o.Requests) == 0 {
		return false
	}
	last := o.Requests[len(o.Requests)-1]
	return last.Status == statusConflict && last.ContentType == jsonPatch
}

// remembered looks whether kubectl remembers the same of a text that was read and applied. While it is held,
// the record has that.
func (s Step) remembered() Difference {
	if s.Command.Verb != sequence.RereadApply || s.After.Guarded.Record == nil || s.Outcome.Unguarded.Code != 0 {
		return Difference{}
	}
	// Each side was restarted at a time of its own.
	unguarded := withRestart(clientstate.LastApplied(annotation(s.After.Unguarded.Object, lastApplied)).Template(), nil)
	if guarded := withRestart(s.After.Guarded.Record.LastApplied, nil); !Same(unguarded, guarded) {
		return Difference{Remembered, Diff(unguarded, guarded)}
	}
	return Difference{}
}

// reverted looks whether a revert has left all as it was but for the record: the spec, who owns
// what, and what kubectl remembers.
func (s Step) reverted() Difference {
	if s.Command.Verb != sequence.Revert || s.Before.Guarded.Record == nil {
		return Difference{}
	}
	if s.After.Guarded.Held() {
		return Difference{Record, "+ it is still there\n"}
	}
	return Final(Pair[Snapshot]{s.Before.Guarded, s.After.Guarded})
}

// stability looks whether the stable template has changed without a reason.
func (s Step) stability() Difference {
	before, after := s.Before.Guarded, s.After.Guarded
	created := before.UID() != after.UID()
	if created || s.Command.Verb == sequence.Release || sameButRestart(before, after) || s.passed() {
		return Difference{}
	}
	return Difference{Unguarded, Diff(before.Stable(), after.Stable())}
}

// sameButRestart says whether a stable template is the same, or differs by a restart only, by
// whatever tool.
func sameButRestart(before, after Snapshot) bool {
	a, b := before.Stable(), after.Stable()
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	was, err := hold.Marks(hold.KnownMarks).Version(a)
	is, otherErr := hold.Marks(hold.KnownMarks).Version(b)
	return err == nil && otherErr == nil && was == is
}

func withRestart(t map[string]any, time any) map[string]any {
	out := shallow(t)
	metadata := shallow(at(t, "metadata"))
	annotations := shallow(at(metadata, "annotations"))
	if annotations[hold.RestartedAt] = time; time == nil {
		delete(annotations, hold.RestartedAt)
	}
	metadata["annotations"] = annotations
	out["metadata"] = metadata
	return out
}

func shallow(v any) map[string]any {
	out := map[string]any{}
	m, _ := v.(map[string]any)
	for key, value := range m {
		out[key] = value
	}
	return out
}

// passed says whether Holdfast told the user that the update passed.
func (s Step) passed() bool {
	return s.warned("passed without a canary") || s.warned("passes without a verdict")
}

// lastApplied is where kubectl keeps what was applied client-side.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Final compares two Deployments whose updates are all released: everything that users and their
// tools can see.
func Final(states Pair[Snapshot]) Difference {
	unguarded, guarded := states.Unguarded.Object, states.Guarded.Object
	manifests := Pair[any]{comparableManifest(annotation(unguarded, lastApplied)), comparableManifest(annotation(guarded, lastApplied))}
	withoutFilledIn(manifests)
	for _, part := range []struct {
		aspect Aspect
		of     Pair[any]
	}{
		{Spec, Pair[any]{at(unguarded, "spec"), at(guarded, "spec")}},
		{Labels, Pair[any]{at(unguarded, "metadata", "labels"), at(guarded, "metadata", "labels")}},
		{LastApplied, manifests},
		{Annotations, Pair[any]{comparableAnnotations(unguarded), comparableAnnotations(guarded)}},
		{Ownership, Pair[any]{OwnersOf(unguarded), OwnersOf(guarded)}},
	} {
		if diff := Diff(part.of.Unguarded, part.of.Guarded); diff != "" {
			return Difference{part.aspect, diff}
		}
	}
	return Difference{}
}

func annotation(object map[string]any, key string) string {
	value, _ := at(object, "metadata", "annotations", key).(string)
	return value
}

// comparableManifest is what was last applied, without the marks of what is held or failed. A text
// that was read from the cluster also has what the API server and controllers had said of the
// object by then, which nobody asks for.
func comparableManifest(text string) any {
	manifest := clientstate.LastApplied(text).Unmarked()
	var object map[string]any
	if err := json.Unmarshal([]byte(manifest), &object); err != nil {
		return manifest
	}
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	release, byHelm := annotations[clientstate.HelmReleaseAnnotation].(string)
	restarted, _ := at(object, "spec", "template", "metadata", "annotations").(map[string]any)
	isRead := metadata["uid"] != nil || at(object, "spec", "progressDeadlineSeconds") != nil // no text of the oracle's own has that
	if !isRead && !byHelm && restarted[hold.RestartedAt] == nil {
		return manifest
	}
	delete(restarted, hold.RestartedAt) // each side was restarted at a time of its own
	for _, key := range []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"} {
		delete(metadata, key)
	}
	delete(annotations, revision)
	if byHelm {
		annotations[clientstate.HelmReleaseAnnotation] = clientstate.UnmarkedRelease(release)
	}
	delete(object, "status")
	return object
}

// withoutFilledIn takes the templates of two texts that were read from the cluster for one if they differ in
// what the API defaults alone: who writes over what was read may leave that out.
func withoutFilledIn(manifests Pair[any]) {
	unguarded, _ := manifests.Unguarded.(map[string]any)
	guarded, _ := manifests.Guarded.(map[string]any)
	left, isRead := at(unguarded, "spec", "template").(map[string]any)
	right, areBoth := at(guarded, "spec", "template").(map[string]any)
	if spec, _ := at(guarded, "spec").(map[string]any); isRead && areBoth && Same(left, right) {
		spec["template"] = left
	}
}

// comparableAnnotations are the annotations that both sides must have alike, without the mark of
// what is held or failed.
func comparableAnnotations(object map[string]any) map[string]any {
	out := shallow(at(object, "metadata", "annotations"))
	if release := annotation(object, clientstate.HelmReleaseAnnotation); release != "" {
		out[clientstate.HelmReleaseAnnotation] = clientstate.UnmarkedRelease(release)
	}
	for key := range out {
		if strings.Contains(key, v1alpha1.Prefix) || strings.HasPrefix(key, controllers) || key == lastApplied {
			delete(out, key)
		}
	}
	return out
}
