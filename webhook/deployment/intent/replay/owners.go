package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// Owned is a pod template with the owners of its fields.
type Owned struct {
	Template hold.Template
	Owners   []hold.Owner
}

// By is who writes: the field manager, what it writes as, and when (RFC 3339, as
// managedFields say).
type By struct{ Manager, APIVersion, Time string }

// identity tells owners apart as the API server does: an applier is the same
// one in every version.
func identity(o hold.Owner) string {
	if o.Operation == ownership.Apply {
		return o.Operation + "/" + o.Manager
	}
	return o.Operation + "/" + o.Manager + "/" + o.APIVersion
}

// decodeOwners is managedFields as structured-merge-diff has them.
func decodeOwners(owners []hold.Owner) (fieldpath.ManagedFields, error) {
	managed := fieldpath.ManagedFields{}
	for _, o := range owners {
		set, err := decodeFields(o.Fields)
		if err != nil {
			return nil, fmt.Errorf("fields of manager %q: %w", o.Manager, err)
		}
		managed[identity(o)] = fieldpath.NewVersionedSet(set, fieldpath.APIVersion(o.APIVersion), o.Operation == ownership.Apply)
	}
	return managed, nil
}

// encodeOwners is the way back. An owner whose fields did not change is left as
// it was, with its time; the writer, if it changed, is dated by its write.
func encodeOwners(managed fieldpath.ManagedFields, before []hold.Owner, writer hold.Owner) ([]hold.Owner, error) {
	was := map[string]hold.Owner{}
	for _, o := range append(slices.Clone(before), writer) {
		if _, known := was[identity(o)]; !known {
			was[identity(o)] = o
		}
	}
	var owners []hold.Owner
	for id, versioned := range managed {
		if versioned.Set().Empty() {
			continue
		}
		fields, err := encodeFields(versioned.Set())
		if err != nil {
			return nil, fmt.Errorf("fields of manager %q: %w", was[id].Manager, err)
		}
		owner := was[id]
		if id == identity(writer) && !sameFields(owner.Fields, fields) {
			owner.Time = writer.Time
		}
		owner.APIVersion, owner.Fields = string(versioned.APIVersion()), fields
		owners = append(owners, owner)
	}
	slices.SortFunc(owners, func(a, b hold.Owner) int { return strings.Compare(identity(a), identity(b)) })
	return owners, nil
}

func sameFields(a, b map[string]any) bool {
	x, errX := decodeFields(a)
	y, errY := decodeFields(b)
	return errX == nil && errY == nil && x.Equals(y)
}

// SameOwners says whether two lists give the fields that a template has to the
// same managers, in whatever order and at whatever time. A manager may own what
// is not there, such as an empty list that it applied.
func SameOwners(t hold.Template, a, b []hold.Owner) bool {
	if slices.EqualFunc(a, b, func(x, y hold.Owner) bool { return identity(x) == identity(y) && hold.Equal(x.Fields, y.Fields) }) {
		return true // as mostly, and then nothing must be made of the template
	}
	value, err := typedTemplate(t)
	if err != nil {
		return false
	}
	there, err := value.ToFieldSet()
	if err != nil {
		return false
	}
	x, errX := ownedOf(withMembers(there), a)
	y, errY := ownedOf(withMembers(there), b)
	return errX == nil && errY == nil && maps.EqualFunc(x, y, (*fieldpath.Set).Equals)
}

// ownedOf are the fields of a set by who owns them.
func ownedOf(there *fieldpath.Set, owners []hold.Owner) (map[string]*fieldpath.Set, error) {
	out := map[string]*fieldpath.Set{}
	for _, o := range owners {
		set, err := decodeFields(o.Fields)
		if err != nil {
			return nil, err
		}
		if set = set.Intersection(there); !set.Empty() {
			out[identity(o)] = set
		}
	}
	return out, nil
}

func decodeFields(fields map[string]any) (*fieldpath.Set, error) {
	data, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	set := fieldpath.NewSet()
	if err := set.FromJSON(bytes.NewReader(data)); err != nil {
		return nil, err
	}
	return set, nil
}

func encodeFields(set *fieldpath.Set) (map[string]any, error) {
	data, err := set.ToJSON()
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	return fields, json.Unmarshal(data, &fields)
}
