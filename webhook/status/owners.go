package status

import (
	"maps"
	"reflect"
	"slices"

	"gomodules.xyz/jsonpatch/v2"

	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/patch"
)

// unwrittenOwners puts managedFields back if nothing else of the object is stored
// anew. The API server forgets a new time there by itself, but only if the entries
// keep their order, which is that of their times: a write that comes to nothing, a
// second after somebody's update, would be a new version of the object. Whoever has
// read the object before it, to replace it, would get a conflict for that.
func unwrittenOwners(u decode.Update, annotations map[string]any, status workload.Status) []jsonpatch.Operation {
	before, sent := u.Old.ManagedFields(), u.New.ManagedFields()
	if len(before) == 0 || !sameButTimes(before, sent) || !reflect.DeepEqual(but(u.Old, nil, nil), but(u.New, annotations, status)) {
		return nil
	}
	return patch.Value(patch.ManagedFields, sent, before)
}

// but is a Deployment with other annotations and another status, if there are any,
// and without owners.
func but(d workload.Deployment, annotations map[string]any, status workload.Status) map[string]any {
	out := maps.Clone(d.Object)
	metadata, _ := out["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	delete(metadata, "managedFields")
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	out["metadata"] = metadata
	if len(status) > 0 {
		out["status"] = map[string]any(status)
	}
	return out
}

// sameButTimes compares entries of managedFields without regard to their times,
// and to their order, which comes of the times.
func sameButTimes(a, b []any) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(entry any) bool {
		return !slices.ContainsFunc(b, func(other any) bool { return reflect.DeepEqual(timeless(entry), timeless(other)) })
	})
}

func timeless(entry any) any {
	fields, ok := entry.(map[string]any)
	if !ok {
		return entry
	}
	fields = maps.Clone(fields)
	delete(fields, "time")
	return fields
}
