package intent

// index is where the elements of a list are, by their merge key. Lists of a
// template may have thousands of elements, and looking for each of one list in
// another takes the square of that.
type index struct {
	key string
	at  map[any]int
}

// byKey has the first of those elements that have the same key.
func byKey(list []any, key string) index {
	x := index{key, make(map[any]int, len(list))}
	for i, e := range list {
		k := keyOf(e, key)
		if _, there := x.at[k]; k != nil && !there {
			x.at[k] = i
		}
	}
	return x
}

// position is where the element with the key of another one is, -1 if there is none.
func (x index) position(element any) int {
	if at, there := x.at[keyOf(element, x.key)]; there {
		return at
	}
	return -1
}

func (x index) has(element any) bool { return x.position(element) >= 0 }

// keyOf is nil for an element without the key, or with one that is a list or an object.
func keyOf(element any, key string) any {
	object, _ := element.(map[string]any)
	switch k := object[key].(type) {
	case map[string]any, []any:
		return nil
	default:
		return k
	}
}
