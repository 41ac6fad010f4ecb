package deployment

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/reply"
)

// revisions are the templates that a Deployment ran, as far as its ReplicaSets
// remember. There are none where nobody asked.
type revisions struct {
	known []revision
	// cut says why there may be more than those that are known; "" if there are not.
	cut string
}

type revision struct {
	hash    hold.Hash // of its template
	version hold.Hash // of that without marks of restarts
	number  int64

	name  string // its ReplicaSet
	uid   types.UID
	label string // the hash that the deployment controller made

	generation int64 // of its spec
}

func (r revisions) has(version hold.Hash) bool {
	return slices.ContainsFunc(r.known, func(one revision) bool { return one.version == version })
}

// stored says whether a ReplicaSet has this very template, marks of restarts with it.
func (r revisions) stored(hash hold.Hash) bool {
	return slices.ContainsFunc(r.known, func(one revision) bool { return one.hash == hash })
}

// previous is the template of the newest revision but one, where kubectl rollout
// undo goes to; "" if there is none.
func (r revisions) previous() hold.Hash {
	var newest, previous revision
	for _, one := range r.known {
		switch {
		case one.number > newest.number:
			newest, previous = one, newest
		case one.number > previous.number:
			previous = one
		}
	}
	return previous.version
}

// missesRevision says whether the template that is asked for may be that of a
// revision which is not known.
func (r *request) missesRevision() bool { return r.history.cut != "" && !r.history.has(r.asked) }

// checkRevisions refuses a request that means one thing if it rolls back and
// another if it does not, where that cannot be told. Otherwise a template that may be
// that of an earlier revision counts as a new one, and the user is told.
func (r *request) checkRevisions() error {
	const remedy = "delete ReplicaSets that are needed no more, and set a lower spec.revisionHistoryLimit"
	switch {
	case !r.missesRevision():
	case r.record != nil && (r.replacesAnnotations() || r.mayRollBack()):
		return reply.Refuse("it cannot be told whether this rolls Deployment %s back, while an update is held: %s; %s, or withdraw the held update first with: kubectl -n %s annotate deployment %s %s-",
			r.name, r.history.cut, remedy, r.namespace, r.name, v1alpha1.HeldAnnotation)
	default:
		r.warnings = append(r.warnings, reply.Warning(fmt.Sprintf(
			"a rollback to an old revision counts as a new template here: %s; %s", r.history.cut, remedy)))
	}
	return nil
}
