package compare

import (
	"strings"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// helmOperations are how Helm 4 and Helm 3 write, by one name.
var helmOperations = []string{"helm Apply", "helm Update"}

// ownedByHelm looks whether Helm, when it takes back what is held, owns the same of the template as if that
// had run.
func (s Step) ownedByHelm() Difference {
	if s.Command.Verb != sequence.Helm3 || s.Before.Guarded.Record == nil || s.After.Guarded.Record != nil || s.After.Guarded.Object == nil {
		return Difference{}
	}
	return Difference{Owned, Diff(helmOwns(s.After.Unguarded.Object), helmOwns(s.After.Guarded.Object))}.ifAny()
}

// explainOwnedByHelm is for what Helm 3 sends in vain, as the stable template has it: the guarded one sends
// nothing of it, and what it does send changes nobody's fields, as an apply of Helm 4's would that changes
// nothing.
func (s Step) explainOwnedByHelm() (Explanation, bool) {
	stable := leaves(s.Before.Guarded.standing())
	for _, field := range differing(helmOwns(s.After.Unguarded.Object), helmOwns(s.After.Guarded.Object)) {
		for _, operation := range helmOperations {
			field = strings.TrimPrefix(field, "/"+operation+"/")
		}
		path := pathOf(field)
		if !s.Outcome.Unguarded.says(path, stable) || s.Outcome.Guarded.says(path, stable) {
			return "", false
		}
	}
	return ClientSentLess, true
}

// helmOwns are the fields of the template that Helm owns, by operation.
func helmOwns(object map[string]any) any {
	out := map[string]any{}
	all := shallow(OwnersOf(object))
	for _, operation := range helmOperations {
		of := map[string]any{}
		for field, is := range shallow(all[operation]) {
			if strings.HasPrefix(field, "f:spec/f:template/") {
				of[field] = is
			}
		}
		out[operation] = of
	}
	return out
}
