package replay

import (
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// Moves says whether a client moved fields from entries of updates to appliers
// in managedFields itself, as kubectl apply --server-side does to take over what
// it applied client-side before. It is for requests that change nothing else.
func Moves(before, after ownership.Entries) bool {
	for _, gone := range vanished(before, after) {
		if _, ok, err := heirOf(gone, after); ok && err == nil {
			return true
		}
	}
	return false
}

// Move does so with the held template's owners.
func Move(held []hold.Owner, before, after ownership.Entries) ([]hold.Owner, error) {
	for _, gone := range vanished(before, after) {
		heir, ok, err := heirOf(gone, after)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if held, err = moved(held, identity(gone), heir); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// TakeOver makes what a manager wrote by other means part of what it applied, as
// Helm 4 does with what Helm 3 left. It would do so by an edit of managedFields,
// if the object had those of the held template.
func TakeOver(held []hold.Owner, by By) ([]hold.Owner, error) {
	from := identity(hold.Owner{Manager: by.Manager, Operation: ownership.Update, APIVersion: by.APIVersion})
	return moved(held, from, hold.Owner{Manager: by.Manager, Operation: ownership.Apply, APIVersion: by.APIVersion, Time: by.Time})
}

// vanished are the entries of updates that are no longer there.
func vanished(before, after ownership.Entries) []hold.Owner {
	there := map[string]bool{}
	for _, o := range ownership.ObjectOwners(after) {
		there[identity(o)] = true
	}
	var gone []hold.Owner
	for _, o := range ownership.ObjectOwners(before) {
		if o.Operation == ownership.Update && !there[identity(o)] {
			gone = append(gone, o)
		}
	}
	return gone
}

// heirOf is the applier that has all fields of an entry that is gone.
func heirOf(gone hold.Owner, after ownership.Entries) (hold.Owner, bool, error) {
	left, err := decodeFields(gone.Fields)
	if err != nil {
		return hold.Owner{}, false, err
	}
	for _, o := range ownership.ObjectOwners(after) {
		set, err := decodeFields(o.Fields)
		if err != nil {
			return hold.Owner{}, false, err
		}
		if o.Operation == ownership.Apply && left.Difference(set).Empty() {
			return o, true, nil
		}
	}
	return hold.Owner{}, false, nil
}

// moved gives an owner's fields to the heir.
func moved(owners []hold.Owner, from string, heir hold.Owner) ([]hold.Owner, error) {
	managed, err := decodeOwners(owners)
	if err != nil {
		return nil, err
	}
	left, ok := managed[from]
	if !ok {
		return owners, nil
	}
	delete(managed, from)
	set := left.Set()
	if has, ok := managed[identity(heir)]; ok {
		set = set.Union(has.Set())
	}
	managed[identity(heir)] = fieldpath.NewVersionedSet(set, fieldpath.APIVersion(heir.APIVersion), true)
	return encodeOwners(managed, owners, heir)
}
