package ownership

// Owned says whether a manager, or anybody if manager is "", has a field of the
// object by an operation. The field is a path in FieldsV1 form, "f:spec" first.
func Owned(entries Entries, operation, manager string, path ...string) bool {
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok {
			continue
		}
		k := keyOf(entry)
		if k.operation == operation && k.subresource == "" && (manager == "" || k.manager == manager) && hasField(entry["fieldsV1"], path) {
			return true
		}
	}
	return false
}

func hasField(fields any, path []string) bool {
	for _, step := range path {
		object, _ := fields.(map[string]any)
		below, ok := object[step]
		if !ok {
			return false
		}
		fields = below
	}
	return true
}
