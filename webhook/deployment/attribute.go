package deployment

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

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
