package replay

// withEmpties puts an empty object or list where an applier owns one as a whole and
// nothing in it: it sent an empty one, of which what is extracted from the merged
// value says nothing but null, for others have put something into it. Of which kind
// it is the shape of the merged value tells.
func withEmpties(sent, shape any) any {
	switch sent := sent.(type) {
	case nil:
		switch shape.(type) {
		case map[string]any:
			return map[string]any{}
		case []any:
			return []any{}
		}
	case map[string]any:
		object, _ := shape.(map[string]any)
		out := make(map[string]any, len(sent))
		for key, value := range sent {
			out[key] = withEmpties(value, object[key])
		}
		return out
	case []any:
		var element any
		if list, _ := shape.([]any); len(list) > 0 {
			element = list[0]
		}
		out := make([]any, len(sent))
		for i, value := range sent {
			out[i] = withEmpties(value, element)
		}
		return out
	}
	return sent
}

// shapeOf is which objects and lists there are in a value: elements of one list are
// alike, so that of a list has one element, with what any of them has.
func shapeOf(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, field := range value {
			out[key] = shapeOf(field)
		}
		return out
	case []any:
		var element any
		for _, each := range value {
			element = joined(element, shapeOf(each))
		}
		return []any{element}
	}
	return nil
}

// joined is the shape of what has one shape or the other.
func joined(a, b any) any {
	switch first := a.(type) {
	case nil:
		return b
	case map[string]any:
		second, _ := b.(map[string]any)
		for key, field := range second {
			first[key] = joined(first[key], field)
		}
	case []any:
		if second, is := b.([]any); is {
			first[0] = joined(first[0], second[0])
		}
	}
	return a
}
