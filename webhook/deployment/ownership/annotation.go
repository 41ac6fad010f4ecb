package ownership

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
	annotations := without(annotationsOf(entry), field)
	if has {
		annotations[field] = map[string]any{}
	}
	metadata, fields = without(metadata, "f:annotations"), without(fields, "f:metadata")
	if len(annotations) > 0 {
		metadata["f:annotations"] = annotations
	}
	if len(metadata) > 0 {
		fields["f:metadata"] = metadata
	}
	out := without(entry, "fieldsV1")
	out["fieldsV1"] = fields
	return out
}
