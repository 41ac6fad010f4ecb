package history

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/hold"
)

// Revisions are the templates that a Deployment ran, as far as its ReplicaSets
// remember. There are none where nobody asked.
type Revisions struct {
	known []revision
	// Cut says why there may be more than those that are known; "" if there are not.
	Cut string
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

// Has says whether a version is that of one.
func (r Revisions) Has(version hold.Hash) bool {
	return slices.ContainsFunc(r.known, func(one revision) bool { return one.version == version })
}

// Stored says whether a ReplicaSet has this very template, marks of restarts with it.
func (r Revisions) Stored(hash hold.Hash) bool {
	return slices.ContainsFunc(r.known, func(one revision) bool { return one.hash == hash })
}

// Previous is the template of the newest revision but one, where kubectl rollout
// undo goes to; "" if there is none.
func (r Revisions) Previous() hold.Hash {
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
