// Package compare says whether a guarded and an unguarded Deployment are what they should be to
// each other, and whether a difference is one that cannot be helped. It is pure.
package compare

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// Snapshot is a Deployment when all controllers have done what they had to.
type Snapshot struct {
	// Object is the Deployment as JSON, nil if there is none.
	Object map[string]any
	// Record is what is held, nil if nothing is.
	Record *hold.Record
	// Broken says why the record cannot be opened, "" if it can or there is none.
	Broken string
	// History are the templates of its ReplicaSets, the oldest revision first.
	History []Revision
}

// Revision is a ReplicaSet of the Deployment.
type Revision struct {
	Number   int64
	Template hold.Template
	// Object is all of it, as JSON.
	Object map[string]any
}

// Stable is the template that the Deployment runs, nil without one.
func (s Snapshot) Stable() hold.Template {
	template, _ := at(s.Object, "spec", "template").(map[string]any)
	return template
}

// Desired is the template that its user asked for, nil without a Deployment.
func (s Snapshot) Desired() hold.Template {
	if s.Record != nil {
		return s.Record.Template
	}
	return s.Stable()
}

// ChangeCause is the annotation by which people know the template that the Deployment runs, nil without one.
func (s Snapshot) ChangeCause() any { return s.annotations()[hold.ChangeCause] }

// DesiredCause is that of the template that its user asked for.
func (s Snapshot) DesiredCause() any {
	if s.Record == nil || s.Record.Beside == nil {
		return s.ChangeCause()
	}
	if cause, is := s.Record.Beside.Annotations[hold.ChangeCause]; is {
		return cause
	}
	return nil
}

// standing is what the Deployment runs, as a part of it, desired what its user asked for.
func (s Snapshot) standing() map[string]any { return deploymentOf(s.Stable(), s.ChangeCause()) }
func (s Snapshot) desired() map[string]any  { return deploymentOf(s.Desired(), s.DesiredCause()) }

func deploymentOf(t hold.Template, cause any) map[string]any {
	out := templateOf(t)
	if cause != nil {
		out["metadata"] = map[string]any{"annotations": map[string]any{hold.ChangeCause: cause}}
	}
	return out
}

// UID tells a Deployment from one that was deleted.
func (s Snapshot) UID() string {
	uid, _ := at(s.Object, "metadata", "uid").(string)
	return uid
}

// RevisionOf is the number of the newest revision that has a template, 0 if none has.
func (s Snapshot) RevisionOf(t hold.Template) int64 {
	for i := len(s.History) - 1; i >= 0; i-- {
		if Same(s.History[i].Template, t) {
			return s.History[i].Number
		}
	}
	return 0
}

// Same says whether two templates ask for the same pods, made at the same restart. Values that are
// the API's defaults do not count: a held template may lack them until it is released.
func Same(a, b hold.Template) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	left, err := hold.HashOf(a)
	if err != nil {
		return false
	}
	right, err := hold.HashOf(b)
	return err == nil && left == right && restart(a) == restart(b)
}

func restart(t hold.Template) any { return at(t, "metadata", "annotations", hold.RestartedAt) }

func (s Snapshot) annotations() map[string]any {
	annotations, _ := at(s.Object, "metadata", "annotations").(map[string]any)
	return annotations
}

// Held says whether the object carries a record, whether or not it opens.
func (s Snapshot) Held() bool { return s.annotations()[v1alpha1.HeldAnnotation] != nil }

// at is what stands at a path of JSON objects, nil if nothing does.
func at(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}
