// Package patch makes the JSON patches of admission answers. They name only what
// changes, so that fields which Holdfast does not know stay as they are. It is pure.
package patch

import (
	"maps"
	"slices"
	"strings"

	"gomodules.xyz/jsonpatch/v2"

	"holdfast.dev/holdfast/internal/hold"
)

// Where things stand in an object, as JSON pointers.
const (
	Annotations   = "/metadata/annotations"
	ManagedFields = "/metadata/managedFields"
	Spec          = "/spec"
	Status        = "/status"
	Template      = "/spec/template"
)

// Value makes the value at a path what it is to be. What it is added to must be there.
func Value(path string, sent, want any) []jsonpatch.Operation {
	if hold.Equal(sent, want) {
		return nil
	}
	return []jsonpatch.Operation{jsonpatch.NewOperation("add", path, want)}
}

// Fields makes the object at a path what it is to be, one operation for each of its
// fields that changes, in the order of their names. Where nothing was sent the whole
// object is added: its parent must be there, and it may be missing.
func Fields(path string, sent, want map[string]any) []jsonpatch.Operation {
	if len(sent) == 0 {
		if len(want) == 0 {
			return nil
		}
		return []jsonpatch.Operation{jsonpatch.NewOperation("add", path, want)}
	}
	names := maps.Clone(sent)
	maps.Copy(names, want)
	var ops []jsonpatch.Operation
	for _, name := range slices.Sorted(maps.Keys(names)) {
		at := path + "/" + escape(name)
		before, had := sent[name]
		after, has := want[name]
		switch {
		case !has:
			ops = append(ops, jsonpatch.NewOperation("remove", at, nil))
		case !had || !hold.Equal(before, after):
			ops = append(ops, jsonpatch.NewOperation("add", at, after))
		}
	}
	return ops
}

// escape writes a name as a part of a JSON pointer (RFC 6901).
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
