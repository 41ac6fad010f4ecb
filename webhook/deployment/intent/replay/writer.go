package replay

import (
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// Writer is the manager that gained fields by an update, "" if none did: who
// writes without a name goes by that of the program, which stands in
// managedFields only.
func Writer(before, after ownership.Entries) string {
	had := map[string]*fieldpath.Set{}
	for _, o := range ownership.ObjectOwners(before) {
		if set, err := decodeFields(o.Fields); err == nil {
			had[identity(o)] = set
		}
	}
	for _, o := range ownership.ObjectOwners(after) {
		set, err := decodeFields(o.Fields)
		if err != nil || o.Operation != ownership.Update {
			continue
		}
		if was, known := had[identity(o)]; !known || !set.Difference(was).Empty() {
			return o.Manager
		}
	}
	return ""
}
