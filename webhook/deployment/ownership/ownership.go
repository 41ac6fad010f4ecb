// Package ownership keeps metadata.managedFields true while an update is held.
// It is pure.
//
// The API server works out who owns which field before it calls the webhook, as
// if the new template were going to be stored. With a hold it is not, and the
// owners of the new template would make the next server-side apply drop or keep
// the wrong fields. So the owners of everything below spec.template are put
// back at the hold, travel in the held record, and come with the template at
// its release. Owners of everything else stay as the API server worked them out.
package ownership

import (
	"holdfast.dev/holdfast/internal/hold"
)

// Entries is metadata.managedFields as the API server sends it.
type Entries = []any

// TemplateOwners returns the owners of the fields below spec.template.
func TemplateOwners(entries Entries) []hold.Owner { return FieldOwners(entries, "template") }

// FieldOwners returns the owners of a field of the spec, with what of it is theirs.
func FieldOwners(entries Entries, field string) []hold.Owner {
	var owners []hold.Owner
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok {
			continue
		}
		if fields := fieldsBelow(entry, field); fields != nil {
			owners = append(owners, ownerOf(entry, fields))
		}
	}
	return owners
}

// ObjectOwners returns the owners of all fields of the object itself, in FieldsV1
// form from its root; those of subresources are left out.
func ObjectOwners(entries Entries) []hold.Owner {
	var owners []hold.Owner
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok || keyOf(entry).subresource != "" {
			continue
		}
		fields, _ := entry["fieldsV1"].(map[string]any)
		owners = append(owners, ownerOf(entry, fields))
	}
	return owners
}

// WithTemplate returns entries in which the fields below spec.template belong
// to owners and to nobody else. An entry that becomes what stands for it in
// before keeps the time of that one, so that a request that changes nothing
// changes no time either; if all do, before itself is returned.
func WithTemplate(entries, before Entries, owners []hold.Owner) Entries {
	return WithField(entries, before, "template", owners)
}

// WithField does so for any field of the spec.
func WithField(entries, before Entries, field string, owners []hold.Owner) Entries {
	left := map[key]hold.Owner{}
	for _, owner := range owners {
		left[keyOfOwner(owner)] = owner
	}
	out := Entries{}
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok {
			out = append(out, e)
			continue
		}
		k := keyOf(entry)
		owner, owns := left[k]
		if k.subresource == "" {
			delete(left, k)
			entry = withFieldsBelow(entry, field, owner.Fields, owns)
		}
		if !isEmpty(entry) {
			out = append(out, keepTime(entry, before))
		}
	}
	for _, owner := range owners {
		if _, missing := left[keyOfOwner(owner)]; missing {
			entry := withFieldsBelow(newEntry(owner), "template", nil, false)
			out = append(out, keepTime(withFieldsBelow(entry, field, owner.Fields, true), before))
		}
	}
	if sameEntries(out, before) {
		return before
	}
	return out
}

// The operations of managedFields.
const (
	Apply  = "Apply"  // server-side apply
	Update = "Update" // everything else
)

// Writer is who sent a request, and how.
type Writer struct {
	Manager   string
	Operation string // Apply or Update
}

// Operation is how the manager wrote the object of a request. The entries tell:
// an update leaves a new or changed entry of its own, and an apply has one even
// if it changes nothing.
func Operation(before, after Entries, manager string) string {
	if updated := entryOf(after, manager, Update); updated != nil && !hold.Equal(updated, entryOf(before, manager, Update)) {
		return Update
	}
	if entryOf(after, manager, Apply) != nil {
		return Apply
	}
	return Update
}

// entryOf is the manager's entry of an operation on the object itself, nil if
// there is none.
func entryOf(entries Entries, manager, operation string) map[string]any {
	for _, e := range entries {
		if entry, ok := e.(map[string]any); ok {
			k := keyOf(entry)
			if k.manager == manager && k.operation == operation && k.subresource == "" {
				return entry
			}
		}
	}
	return nil
}

// key is what makes entries of managedFields one.
type key struct{ manager, operation, apiVersion, subresource string }

func keyOf(entry map[string]any) key {
	return key{text(entry, "manager"), text(entry, "operation"), text(entry, "apiVersion"), text(entry, "subresource")}
}

func keyOfOwner(o hold.Owner) key {
	return key{manager: o.Manager, operation: o.Operation, apiVersion: o.APIVersion}
}

func ownerOf(entry, fields map[string]any) hold.Owner {
	return hold.Owner{
		Manager:    text(entry, "manager"),
		Operation:  text(entry, "operation"),
		APIVersion: text(entry, "apiVersion"),
		Time:       text(entry, "time"),
		Fields:     fields,
	}
}

func newEntry(o hold.Owner) map[string]any {
	entry := map[string]any{
		"manager":    o.Manager,
		"operation":  o.Operation,
		"apiVersion": o.APIVersion,
		"fieldsType": "FieldsV1",
		"fieldsV1":   map[string]any{"f:spec": map[string]any{"f:template": o.Fields}},
	}
	if o.Time != "" {
		entry["time"] = o.Time
	}
	return entry
}

// fieldsBelow is the object below f:spec and a field of it in an entry, nil if there is none.
func fieldsBelow(entry map[string]any, field string) map[string]any {
	fields, _ := entry["fieldsV1"].(map[string]any)
	spec, _ := fields["f:spec"].(map[string]any)
	below, _ := spec["f:"+field].(map[string]any)
	return below
}

// withFieldsBelow copies an entry with other fields below a field of the spec, or with none. One that has
// none stays as it is: who has applied an empty spec owns that there is one.
func withFieldsBelow(entry map[string]any, field string, below map[string]any, owns bool) map[string]any {
	fields, _ := entry["fieldsV1"].(map[string]any)
	outer, _ := fields["f:spec"].(map[string]any)
	if _, owned := outer["f:"+field]; !owned && !owns {
		return entry
	}
	spec := copyWithout(outer, "f:"+field)
	if owns {
		if len(outer) == 0 && hasField(fields, []string{"f:spec"}) {
			spec["."] = map[string]any{} // it had that alone
		}
		spec["f:"+field] = below
	}
	out := copyWithout(entry, "fieldsV1")
	newFields := copyWithout(fields, "f:spec")
	if set, some := asWritten(spec); some {
		newFields["f:spec"] = set
	}
	out["fieldsV1"] = newFields
	return out
}

// asWritten is the set of what is owned below a field, and of the field itself ("."), as the API server
// writes it, and whether there is anything to write: the field alone is an empty set.
func asWritten(set map[string]any) (map[string]any, bool) {
	if _, itself := set["."]; itself && len(set) == 1 {
		return map[string]any{}, true
	}
	return set, len(set) > 0
}

func isEmpty(entry map[string]any) bool {
	fields, ok := entry["fieldsV1"].(map[string]any)
	return ok && len(fields) == 0
}

// keepTime gives an entry the time of its like in before, if they own the same fields.
func keepTime(entry map[string]any, before Entries) map[string]any {
	for _, b := range before {
		old, ok := b.(map[string]any)
		if ok && keyOf(old) == keyOf(entry) && hold.Equal(old["fieldsV1"], entry["fieldsV1"]) {
			return old
		}
	}
	return entry
}

// sameEntries compares without regard to order, which the API server makes anew.
func sameEntries(a, b Entries) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		found := false
		for _, y := range b {
			found = found || hold.Equal(x, y)
		}
		if !found {
			return false
		}
	}
	return true
}

func copyWithout(m map[string]any, drop string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		if k != drop {
			out[k] = v
		}
	}
	return out
}

func text(m map[string]any, field string) string {
	s, _ := m[field].(string)
	return s
}
