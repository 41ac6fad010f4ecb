package replay

// withEmpties puts an empty object or list where an applier owns one as a whole and
// nothing in it: it sent an empty one, of which what is extracted from the merged
// value says nothing but null, for others have put something into it. Of which kind
// it is the merged values tell, all of which stand at the place of the one that was
// sent: elements of one list are alike.
func withEmpties(sent any, merged ...any) any {
	switch sent := sent.(type) {
	case nil:
		for _, value := range merged {
			switch value.(type) {
			case map[string]any:
				return map[string]any{}
			case []any:
				return []any{}
			}
		}
	case map[string]any:
		out := make(map[string]any, len(sent))
		for key, value := range sent {
			var below []any
			for _, m := range merged {
				object, _ := m.(map[string]any)
				below = append(below, object[key])
			}
			out[key] = withEmpties(value, below...)
		}
		return out
	case []any:
		var elements []any
		for _, m := range merged {
			list, _ := m.([]any)
			elements = append(elements, list...)
		}
		out := make([]any, len(sent))
		for i, value := range sent {
			out[i] = withEmpties(value, elements...)
		}
		return out
	}
	return sent
}
