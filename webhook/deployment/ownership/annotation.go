package ownership

import (
	"maps"
	"slices"

	"holdfast.dev/holdfast/internal/hold"
)

// Holder is who holds an annotation in managedFields; the zero value is nobody.
type Holder struct {
	Manager, Operation, APIVersion string
	// Time is that of a new entry, as managedFields say it (RFC 3339).
	Time string
}

// HolderOf finds who holds an annotation.
func HolderOf(entries Entries, annotation string) Holder {
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok {
			continue
		}
		k := keyOf(entry)
		if _, holds := annotationsOf(entry)["f:"+annotation]; holds && k.subresource == "" {
			return Holder{k.manager, k.operation, k.apiVersion, text(entry, "time")}
		}
	}
	return Holder{}
}

// WithAnnotation gives an annotation to one holder, and to nobody else.
func WithAnnotation(entries, before Entries, annotation string, holder Holder) Entries {
	out := Entries{}
	given := holder == Holder{}
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok {
			out = append(out, e)
			continue
		}
		k := keyOf(entry)
		gets := !given && k == key{holder.Manager, holder.Operation, holder.APIVersion, ""}
		given = given || gets
		if _, holds := annotationsOf(entry)["f:"+annotation]; holds != gets {
			if entry = withAnnotation(entry, "f:"+annotation, gets); isEmpty(entry) {
				continue
			}
			entry = keepTime(entry, before)
		}
		out = append(out, entry)
	}
	if !given {
		entry := map[string]any{
			"manager": holder.Manager, "operation": holder.Operation, "apiVersion": holder.APIVersion, "time": holder.Time,
			"fieldsType": "FieldsV1", "fieldsV1": map[string]any{},
		}
		out = append(out, keepTime(withAnnotation(entry, "f:"+annotation, true), before))
	}
	if sameEntries(out, before) {
		return before
	}
	return out
}

func annotationsOf(entry map[string]any) map[string]any {
	fields, _ := entry["fieldsV1"].(map[string]any)
	metadata, _ := fields["f:metadata"].(map[string]any)
	annotations, _ := metadata["f:annotations"].(map[string]any)
	return annotations
}

func withAnnotation(entry map[string]any, field string, has bool) map[string]any {
	fields, _ := entry["fieldsV1"].(map[string]any)
	metadata, _ := fields["f:metadata"].(map[string]any)
	annotations := copyWithout(annotationsOf(entry), field)
	if has {
		if field != "." && len(annotations) == 0 && hasField(fields, []string{"f:metadata", "f:annotations"}) {
			annotations["."] = map[string]any{} // it had that alone
		}
		annotations[field] = map[string]any{}
	}
	metadata, fields = copyWithout(metadata, "f:annotations"), copyWithout(fields, "f:metadata")
	if set, some := asWritten(annotations); some {
		metadata["f:annotations"] = set
	}
	if len(metadata) > 0 {
		fields["f:metadata"] = metadata
	}
	out := copyWithout(entry, "fieldsV1")
	out["fieldsV1"] = fields
	return out
}

// AnnotationOwners are the owners of annotations under these keys, with their fields as
// they would stand below a pod template that has such annotations.
func AnnotationOwners(entries Entries, keys []string) []hold.Owner {
	var owners []hold.Owner
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok || keyOf(entry).subresource != "" {
			continue
		}
		if fields := fieldsUnder(annotationsOf(entry), keys); len(fields) > 0 {
			owners = append(owners, ownerOf(entry, belowTemplate(fields)))
		}
	}
	return owners
}

// OnlyAnnotations leaves of such owners what is theirs under these keys. That there are
// annotations at all belongs to whoever has it on the object.
func OnlyAnnotations(owners []hold.Owner, keys []string) []hold.Owner {
	var out []hold.Owner
	for _, owner := range owners {
		if fields := fieldsUnder(annotationsOf(map[string]any{"fieldsV1": owner.Fields}), keys); len(fields) > 0 {
			owner.Fields = belowTemplate(fields)
			out = append(out, owner)
		}
	}
	return out
}

func fieldsUnder(annotations map[string]any, keys []string) map[string]any {
	fields := map[string]any{}
	for _, key := range keys {
		if _, owns := annotations["f:"+key]; owns {
			fields["f:"+key] = map[string]any{}
		}
	}
	return fields
}

func belowTemplate(annotations map[string]any) map[string]any {
	return map[string]any{"f:metadata": map[string]any{"f:annotations": annotations}}
}

// Joined has the fields of both. No field is in both of one owner's.
func Joined(a, b []hold.Owner) []hold.Owner {
	out := slices.Clone(a)
	for _, owner := range b {
		i := slices.IndexFunc(out, func(o hold.Owner) bool { return keyOfOwner(o) == keyOfOwner(owner) })
		if i < 0 {
			out = append(out, owner)
			continue
		}
		fields := maps.Clone(annotationsOf(map[string]any{"fieldsV1": out[i].Fields}))
		maps.Copy(fields, annotationsOf(map[string]any{"fieldsV1": owner.Fields}))
		out[i].Fields = belowTemplate(fields)
	}
	return out
}

// WithAnnotations returns entries in which the annotations under these keys belong to owners,
// as AnnotationOwners returns them, and to nobody else. Times are kept as by WithTemplate.
func WithAnnotations(entries, before Entries, keys []string, owners []hold.Owner) Entries {
	left := map[key]map[string]any{}
	for _, owner := range owners {
		left[keyOfOwner(owner)] = annotationsOf(map[string]any{"fieldsV1": owner.Fields})
	}
	assign := func(entry, has map[string]any) map[string]any {
		for _, k := range keys {
			_, holds := annotationsOf(entry)["f:"+k]
			if _, gets := has["f:"+k]; gets != holds {
				entry = withAnnotation(entry, "f:"+k, gets)
			}
		}
		return entry
	}
	out := Entries{}
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok {
			out = append(out, e)
			continue
		}
		if k := keyOf(entry); k.subresource == "" {
			entry = assign(entry, left[k])
			delete(left, k)
		}
		if !isEmpty(entry) {
			out = append(out, keepTime(entry, before))
		}
	}
	for _, owner := range owners {
		if has, missing := left[keyOfOwner(owner)]; missing {
			entry := newEntry(owner)
			entry["fieldsV1"] = map[string]any{}
			if entry = assign(entry, has); !isEmpty(entry) {
				out = append(out, keepTime(entry, before))
			}
		}
	}
	if sameEntries(out, before) {
		return before
	}
	return out
}

// WithAnnotationsAtAll has it right who owns that there are annotations, where the API server has seen one
// more than there is for users. Whoever brings the first by an update owns it, and nobody else then. When the
// last goes by an update nobody does; when it goes by an apply, those who did not apply still do.
func WithAnnotationsAtAll(entries, before Entries, by Writer, had, have bool) Entries {
	if had && have {
		return entries
	}
	const atAll = "."
	out := Entries{}
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok || keyOf(entry).subresource != "" {
			out = append(out, e)
			continue
		}
		k := keyOf(entry)
		_, owns := annotationsOf(entry)[atAll]
		owns = owns || len(annotationsOf(entry)) == 0 && hasField(entry["fieldsV1"], []string{"f:metadata", "f:annotations"})
		isBy := k.manager == by.Manager && k.operation == by.Operation
		brings := have && isBy && k.operation == Update && len(annotationsOf(entry)) > 0
		keeps := owns && isBy && have || owns && !isBy && !have && (by.Operation == Apply || !had)
		if gets := brings || keeps; gets != owns {
			if entry = withAnnotation(entry, atAll, gets); isEmpty(entry) {
				continue
			}
			entry = keepTime(entry, before)
		}
		out = append(out, entry)
	}
	if sameEntries(out, before) {
		return before
	}
	return out
}
